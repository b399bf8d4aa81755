// SPDX-License-Identifier: Apache-2.0
// Finding, packing and recording the blobs of layers.
#include "export/layer_blob.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "image/config.h"
#include "store/blobs.h"
#include "store/layers.h"
#include "store/lease.h"
#include "store/store.h"

namespace shale::exporter {

namespace {

using layer::Compression;

constexpr std::string_view kDockerLayer = "application/vnd.docker.image.rootfs.diff.tar";
constexpr std::size_t kPackedAtOnce =
    2;  // each uses all CPUs for compression, but reads files with one thread

struct TypeName {
  std::string_view media_type;
  Compression compression;
};
constexpr std::array kLayerTypes = {
    TypeName{image::kOciLayer, Compression::kNone},
    TypeName{image::kOciLayerGzip, Compression::kGzip},
    TypeName{image::kOciLayerZstd, Compression::kZstd},
    TypeName{kDockerLayer, Compression::kNone},
    TypeName{image::kDockerLayerGzip, Compression::kGzip},
    TypeName{"application/vnd.docker.image.rootfs.diff.tar.zstd", Compression::kZstd},
};

// The blobs the store really has, in OCI's words.
Result<std::vector<image::Descriptor>> blobs_at_hand(store::Store& store, const Digest& diff_id) {
  std::vector<image::Descriptor> found;
  ASSIGN_OR_RETURN(const std::vector<image::Descriptor> recorded, store.layers().blobs_of(diff_id));
  for (const image::Descriptor& blob : recorded) {
    const std::optional<Compression> compression = compression_of(blob.media_type);
    if (!compression || !store.blobs().has(blob.digest)) continue;
    image::Descriptor plain{.media_type = std::string(oci_layer_type(*compression)), .digest = blob.digest};
    ASSIGN_OR_RETURN(plain.size, store.blobs().size(blob.digest));
    found.push_back(std::move(plain));
  }
  return found;
}

const image::Descriptor* of_compression(const std::vector<image::Descriptor>& blobs,
                                        Compression compression) {
  const auto found = std::ranges::find(blobs, oci_layer_type(compression), &image::Descriptor::media_type);
  return found == blobs.end() ? nullptr : &*found;
}

// One layer on its way to being a blob.
struct Packing {
  std::size_t index;
  Digest diff_id;
  std::string label;
  std::uint64_t tar_bytes;
  store::BlobWriter writer;
  layer::ArchiveJob job;
};

class Packer {
 public:
  Packer(store::Store& store, store::BuildLease& lease, const CompressionOptions& options,
         const Progress& progress)
      : store_(store), lease_(lease), options_(options), progress_(progress) {}

  Result<std::vector<image::Descriptor>> run(const ImageBundle& bundle) {
    blobs_.resize(bundle.diff_ids.size());
    for (std::size_t i = 0; i < bundle.diff_ids.size(); ++i) {
      ASSIGN_OR_RETURN(const bool found, take_existing(bundle, i));
      if (found) continue;
      while (running_.size() >= kPackedAtOnce) RETURN_IF_ERROR(turn());
      RETURN_IF_ERROR(start(bundle, i));
    }
    while (!running_.empty()) RETURN_IF_ERROR(turn());
    // The same layer twice in one image: packed once.
    for (const auto& [index, same] : repeated_) blobs_[index] = blobs_[same];
    return std::move(blobs_);
  }

 private:
  Result<bool> take_existing(const ImageBundle& bundle, std::size_t index) {
    const Digest& diff_id = bundle.diff_ids[index];
    for (const Packing& packing : running_)
      if (packing.diff_id == diff_id) {
        repeated_.emplace_back(index, packing.index);
        return true;
      }
    ASSIGN_OR_RETURN(const std::vector<image::Descriptor> existing, blobs_at_hand(store_, diff_id));
    const image::Descriptor* blob = of_compression(existing, options_.compression);
    // One that is compressed in another way is as good, unless told otherwise; a plain one (of a docker
    // archive that was loaded) is worth a try.
    const bool can_pack = !bundle.layer_ids[index].empty();
    for (const image::Descriptor& other : existing)
      if (blob == nullptr && (!can_pack || (!options_.force && other.media_type != image::kOciLayer)))
        blob = &other;
    if (blob == nullptr) return false;
    RETURN_IF_ERROR(lease_.hold_blobs(store_, std::span(&blob->digest, 1)));
    blobs_[index] = *blob;
    return true;
  }

  Status start(const ImageBundle& bundle, std::size_t index) {
    const Digest& diff_id = bundle.diff_ids[index];
    const std::string& id = bundle.layer_ids[index];
    if (id.empty())
      return fail(
          Error(ErrorKind::kNotFound,
                fmt::format("the store has neither a directory nor a blob of layer {}", diff_id.to_string()))
              .hint("pull or build the image again"));
    ASSIGN_OR_RETURN(const std::optional<store::LayerRecord> record, store_.layers().find(id));
    ASSIGN_OR_RETURN(store::BlobWriter writer, store_.blobs().create());
    layer::PackLayerSpec spec{.fs_path = store_.layers().fs_path_absolute(id),
                              .manifest_path = store_.layers().manifest_path_absolute(id),
                              .compression = options_.compression,
                              .level = options_.level,
                              .output_fd = writer.fd()};
    ASSIGN_OR_RETURN(layer::ArchiveJob job, layer::start_pack_layer(spec));
    running_.push_back({.index = index,
                        .diff_id = diff_id,
                        .label = fmt::format("compressing {}", diff_id.short_hex()),
                        .tar_bytes = record ? record->tar_bytes : 0,
                        .writer = std::move(writer),
                        .job = std::move(job)});
    return {};
  }

  // Waits until something happens, and ends what is done.
  Status turn() {
    std::vector<int> fds;
    for (const Packing& packing : running_) fds.push_back(packing.job.fd());
    RETURN_IF_ERROR(progress_.wait(fds));
    for (std::size_t i = 0; i < running_.size();) {
      Packing& packing = running_[i];
      ASSIGN_OR_RETURN(const bool done, packing.job.poll());
      progress_.item(packing.label, packing.job.progress().bytes, packing.tar_bytes);
      if (!done) {
        ++i;
        continue;
      }
      RETURN_IF_ERROR(finish(packing));
      running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    return {};
  }

  Status finish(Packing& packing) {
    Result<layer::ArchiveResult> result = packing.job.wait();
    if (!result)
      return fail(std::move(result.error())
                      .context(fmt::format("compressing layer {}", packing.diff_id.to_string())));
    progress_.item(packing.label, result->tar_bytes, result->tar_bytes, true);
    if (result->diff_id != packing.diff_id) return keep_old(packing, result->diff_id);
    image::Descriptor blob{.media_type = std::string(oci_layer_type(options_.compression))};
    ASSIGN_OR_RETURN(blob.digest, packing.writer.commit(result->blob_digest));
    blob.size = packing.writer.size();
    RETURN_IF_ERROR(lease_.hold_blobs(store_, std::span(&blob.digest, 1)));
    RETURN_IF_ERROR(store_.layers().add_blob(packing.diff_id, blob));
    blobs_[packing.index] = std::move(blob);
    return {};
  }

  // The tar of a foreign layer has other bytes than ours has for the same files: only its own blob will do.
  Status keep_old(const Packing& packing, const Digest& found) {
    ASSIGN_OR_RETURN(const std::vector<image::Descriptor> existing, blobs_at_hand(store_, packing.diff_id));
    if (existing.empty())
      return fail(
          Error(ErrorKind::kCorrupt,
                fmt::format("layer {} cannot be packed again: its directory gives a tar with digest {}",
                            packing.diff_id.to_string(), found.to_string()))
              .hint("the layer came from elsewhere and its blob is gone: pull or load the image again"));
    RETURN_IF_ERROR(lease_.hold_blobs(store_, std::span(&existing.front().digest, 1)));
    blobs_[packing.index] = existing.front();
    return {};
  }

  store::Store& store_;
  store::BuildLease& lease_;
  const CompressionOptions& options_;
  const Progress& progress_;
  std::vector<image::Descriptor> blobs_;
  std::vector<Packing> running_;
  std::vector<std::pair<std::size_t, std::size_t>> repeated_;
};

}  // namespace

Result<CompressionOptions> parse_compression(const std::map<std::string, std::string>& attributes) {
  CompressionOptions options;
  if (const auto found = attributes.find("compression"); found != attributes.end()) {
    if (found->second == "uncompressed")
      options.compression = Compression::kNone;
    else if (found->second == "gzip")
      options.compression = Compression::kGzip;
    else if (found->second == "zstd")
      options.compression = Compression::kZstd;
    else
      return fail(Error(ErrorKind::kUsage, fmt::format("unknown compression '{}'", found->second))
                      .hint("compression= takes uncompressed, gzip or zstd"));
  }
  if (const auto found = attributes.find("compression-level"); found != attributes.end()) {
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), options.level);
    const int highest = options.compression == Compression::kZstd ? 19 : 9;
    if (error != std::errc() || end != text.data() + text.size() || options.level < 0 ||
        options.level > highest)
      return fail(Error(ErrorKind::kUsage, fmt::format("'{}' is no compression level", text))
                      .hint(fmt::format("compression-level= takes 0 to {} here", highest)));
    if (options.level == 0)
      options.level = 1;  // BuildKit's lowest; "stored" would be compression=uncompressed
  }
  ASSIGN_OR_RETURN(options.force, output_flag(attributes, "force-compression", options.force));
  return options;
}

Result<bool> output_flag(const std::map<std::string, std::string>& attributes, const std::string& key,
                         bool otherwise) {
  const auto found = attributes.find(key);
  return found == attributes.end() ? otherwise : parse_output_bool(key, found->second);
}

Result<bool> parse_output_bool(std::string_view key, const std::string& value) {
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  return fail(ErrorKind::kUsage, fmt::format("{} takes true or false, not '{}'", key, value));
}

std::optional<Compression> compression_of(std::string_view media_type) {
  for (const TypeName& known : kLayerTypes)
    if (media_type == known.media_type) return known.compression;
  return std::nullopt;
}

Compression sniff_compression(std::string_view first_bytes) {
  if (first_bytes.starts_with("\x1f\x8b")) return Compression::kGzip;          // RFC 1952
  if (first_bytes.starts_with("\x28\xb5\x2f\xfd")) return Compression::kZstd;  // RFC 8878
  return Compression::kNone;
}

std::optional<std::string_view> docker_layer_type(std::string_view oci_type) {
  if (oci_type == image::kOciLayer) return kDockerLayer;
  if (oci_type == image::kOciLayerGzip) return image::kDockerLayerGzip;
  return std::nullopt;
}

std::string_view oci_layer_type(Compression compression) {
  switch (compression) {
    case Compression::kGzip:
      return image::kOciLayerGzip;
    case Compression::kZstd:
      return image::kOciLayerZstd;
    case Compression::kNone:
      break;
  }
  return image::kOciLayer;
}

Result<std::vector<image::Descriptor>> blobs_of_layers(store::Store& store, store::BuildLease& lease,
                                                       const ImageBundle& bundle,
                                                       const CompressionOptions& options,
                                                       const Progress& progress) {
  return Packer(store, lease, options, progress).run(bundle);
}

Result<image::Descriptor> blob_of_layer(store::Store& store, store::BuildLease& lease, const Digest& diff_id,
                                        const std::string& layer_id, const CompressionOptions& options,
                                        const Progress& progress) {
  ImageBundle one;
  one.diff_ids.push_back(diff_id);
  one.layer_ids.push_back(layer_id);
  ASSIGN_OR_RETURN(std::vector<image::Descriptor> blobs,
                   blobs_of_layers(store, lease, one, options, progress));
  return std::move(blobs.front());
}

Result<std::optional<image::Descriptor>> existing_blob(store::Store& store, store::BuildLease& lease,
                                                       const Digest& diff_id, Compression preferred) {
  ASSIGN_OR_RETURN(const std::vector<image::Descriptor> existing, blobs_at_hand(store, diff_id));
  if (existing.empty()) return std::optional<image::Descriptor>{};
  const image::Descriptor* blob = of_compression(existing, preferred);
  if (blob == nullptr) blob = &existing.front();
  RETURN_IF_ERROR(lease.hold_blobs(store, std::span(&blob->digest, 1)));
  return std::optional<image::Descriptor>(*blob);
}

}  // namespace shale::exporter
