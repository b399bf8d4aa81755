// SPDX-License-Identifier: Apache-2.0
// Finding the blobs of layers, and packing those that have none, several at a time.
#include "export/layer_blob.h"

#include <fmt/format.h>

#include <algorithm>

#include "export/layer_packing.h"
#include "store/blobs.h"
#include "store/layers.h"
#include "store/lease.h"
#include "store/store.h"

namespace shale::exporter {

namespace {

using layer::Compression;

constexpr std::size_t kPackedAtOnce =
    2;  // each uses all CPUs for compression, but reads files with one thread

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

// A layer of the image that is being packed.
struct Running {
  std::size_t index;
  Digest diff_id;
  LayerPacking packing;
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
    for (const Running& running : running_)
      if (running.diff_id == diff_id) {
        repeated_.emplace_back(index, running.index);
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
    ASSIGN_OR_RETURN(
        LayerPacking packing,
        LayerPacking::start(store_, id, fmt::format("compressing {}", diff_id.short_hex()), options_));
    running_.push_back({.index = index, .diff_id = diff_id, .packing = std::move(packing)});
    return {};
  }

  // Waits until something happens, and ends what is done.
  Status turn() {
    std::vector<int> fds;
    for (const Running& running : running_) fds.push_back(running.packing.fd());
    RETURN_IF_ERROR(progress_.wait(fds));
    for (std::size_t i = 0; i < running_.size();) {
      ASSIGN_OR_RETURN(const bool done, running_[i].packing.advance(progress_));
      if (!done) {
        ++i;
        continue;
      }
      RETURN_IF_ERROR(finish(running_[i]));
      running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    return {};
  }

  Status finish(Running& running) {
    Result<Digest> diff_id = running.packing.finish(progress_);
    if (!diff_id)
      return fail(std::move(diff_id.error())
                      .context(fmt::format("compressing layer {}", running.diff_id.to_string())));
    if (*diff_id != running.diff_id) return keep_old(running, *diff_id);
    ASSIGN_OR_RETURN(blobs_[running.index], running.packing.keep(store_, lease_));
    return {};
  }

  // The tar of a foreign layer has other bytes than ours has for the same files: only its own blob will do.
  Status keep_old(const Running& running, const Digest& found) {
    ASSIGN_OR_RETURN(const std::vector<image::Descriptor> existing, blobs_at_hand(store_, running.diff_id));
    if (existing.empty())
      return fail(
          Error(ErrorKind::kCorrupt,
                fmt::format("layer {} cannot be packed again: its directory gives a tar with digest {}",
                            running.diff_id.to_string(), found.to_string()))
              .hint("the layer came from elsewhere and its blob is gone: pull or load the image again"));
    RETURN_IF_ERROR(lease_.hold_blobs(store_, std::span(&existing.front().digest, 1)));
    blobs_[running.index] = existing.front();
    return {};
  }

  store::Store& store_;
  store::BuildLease& lease_;
  const CompressionOptions& options_;
  const Progress& progress_;
  std::vector<image::Descriptor> blobs_;
  std::vector<Running> running_;
  std::vector<std::pair<std::size_t, std::size_t>> repeated_;
};

}  // namespace

Result<std::vector<image::Descriptor>> blobs_of_layers(store::Store& store, store::BuildLease& lease,
                                                       const ImageBundle& bundle,
                                                       const CompressionOptions& options,
                                                       const Progress& progress) {
  return Packer(store, lease, options, progress).run(bundle);
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
