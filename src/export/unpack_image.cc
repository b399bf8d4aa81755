// SPDX-License-Identifier: Apache-2.0
// Layers of foreign images become layer directories.
#include "export/unpack_image.h"

#include <fmt/format.h>

#include <array>

#include "export/progress.h"
#include "image/config.h"
#include "layer/manifest.h"
#include "store/blobs.h"
#include "store/layers.h"
#include "store/store.h"

namespace shale::exporter {

Result<std::vector<Digest>> diff_ids_of(const std::string& config_json, std::size_t layer_count) {
  ASSIGN_OR_RETURN(image::ImageConfig config, image::ImageConfig::parse(config_json));
  if (config.diff_ids.size() != layer_count)
    return fail(ErrorKind::kCorrupt, fmt::format("the image's config lists {} layers, its manifest {}",
                                                 config.diff_ids.size(), layer_count));
  return std::move(config.diff_ids);
}

Result<ImageUnpacker> ImageUnpacker::create(store::Store& store, store::BuildLease& lease,
                                            std::vector<Digest> diff_ids,
                                            std::vector<image::Descriptor> blobs, std::string encoding) {
  if (blobs.size() != diff_ids.size())
    return fail(ErrorKind::kCorrupt, fmt::format("the image's config lists {} layers, its manifest {}",
                                                 diff_ids.size(), blobs.size()));
  ImageUnpacker unpacker(store, lease, std::move(encoding));
  Digest chain;
  for (std::size_t i = 0; i < diff_ids.size(); ++i) {
    chain = store::next_chain_id(chain, diff_ids[i]);
    unpacker.layers_.push_back({.diff_id = diff_ids[i], .blob = std::move(blobs[i]), .chain = chain});
  }
  std::vector<std::string> held;
  for (Layer& layer : unpacker.layers_) {
    ASSIGN_OR_RETURN(const std::optional<store::LayerRecord> record,
                     store.layers().find_diff_id(layer.diff_id, layer.chain, unpacker.encoding_));
    if (!record) continue;
    layer.id = record->id;
    layer.content_bytes = record->content_bytes;
    held.push_back(record->id);
  }
  if (Status holding = lease.hold_layers(store, held); !holding) {
    if (holding.error().kind() != ErrorKind::kNotFound) return fail(std::move(holding.error()));
    // Somebody removed one between the look and the hold: all are unpacked again.
    for (Layer& layer : unpacker.layers_) layer.id.clear();
  }
  unpacker.skip_present();
  return unpacker;
}

void ImageUnpacker::skip_present() {
  while (next_ < layers_.size() && !layers_[next_].id.empty()) ++next_;
}

Status ImageUnpacker::start() {
  if (done() || job_) return fail(ErrorKind::kInternal, "there is no layer to start unpacking");
  Layer& layer = layers_[next_];
  RETURN_IF_ERROR(lease_->hold_blobs(*store_, std::span(&layer.blob.digest, 1)));
  // The helper hashes what it reads.
  ASSIGN_OR_RETURN(const UniqueFd blob, store_->blobs().open(layer.blob.digest, false));
  ASSIGN_OR_RETURN(directory_, lease_->new_directory());
  layer::UnpackLayerSpec spec{
      .input_fd = blob.get(),
      .blob_digest = layer.blob.digest,
      .blob_bytes = layer.blob.size,
      .diff_id = layer.diff_id,
      .fs_fd = directory_.fs.get(),
      .manifest_path = fmt::format("{}/{}", store_->root(), directory_.manifest_path()),
      .owners = layer::owner_encoding_of(encoding_)};
  for (std::size_t i = 0; i < next_; ++i)
    spec.lower_manifests.push_back(store_->layers().manifest_path_absolute(layers_[i].id));
  ASSIGN_OR_RETURN(job_, layer::start_unpack_layer(spec));
  return {};
}

Result<bool> ImageUnpacker::advance() {
  if (!job_) return fail(ErrorKind::kInternal, "no layer is being unpacked");
  ASSIGN_OR_RETURN(const bool ended, job_->poll());
  if (!ended) return false;
  Result<layer::ArchiveResult> result = job_->wait();
  job_.reset();
  if (!result)
    return fail(std::move(result.error())
                    .context(fmt::format("unpacking layer {}", layers_[next_].blob.digest.to_string())));
  RETURN_IF_ERROR(publish(*result));
  skip_present();
  return true;
}

Status ImageUnpacker::publish(const layer::ArchiveResult& result) {
  Layer& layer = layers_[next_];
  std::uint64_t content_bytes = 0;
  {
    ASSIGN_OR_RETURN(const layer::LayerManifest manifest,
                     layer::LayerManifest::load(store_->root_fd(), directory_.manifest_path()));
    content_bytes = manifest.total_bytes();
  }
  store::NewLayer made{.manifest = nullptr,
                       .diff_id = layer.diff_id,
                       .content_key = result.content_key,
                       .tar_bytes = result.tar_bytes,
                       .content_bytes = content_bytes,
                       .entries = result.entries,
                       .encoding = encoding_,
                       .chain_id = result.depends_on_lower ? layer.chain : Digest(),
                       .identity = store::NewLayer::Identity::kDiffId};
  ASSIGN_OR_RETURN(const store::LayerRecord record,
                   store_->layers().publish(*lease_, std::move(directory_), made));
  RETURN_IF_ERROR(store_->layers().add_blob(layer.diff_id, layer.blob));
  layer.id = record.id;
  layer.content_bytes = record.content_bytes;
  warnings_.insert(warnings_.end(), result.warnings.begin(), result.warnings.end());
  return {};
}

std::vector<std::string> ImageUnpacker::layer_ids() const {
  std::vector<std::string> ids;
  for (const Layer& layer : layers_) ids.push_back(layer.id);
  return ids;
}

std::uint64_t ImageUnpacker::content_bytes() const {
  std::uint64_t sum = 0;
  for (const Layer& layer : layers_) sum += layer.content_bytes;
  return sum;
}

std::vector<std::string> ImageUnpacker::take_warnings() { return std::exchange(warnings_, {}); }

Status unpack_all(ImageUnpacker& unpacker, const Progress& progress) {
  while (!unpacker.done()) {
    const image::Descriptor& blob = unpacker.layers()[unpacker.next()].blob;
    const std::string label = fmt::format("unpacking {}", blob.digest.short_hex());
    RETURN_IF_ERROR(unpacker.start());
    for (bool ended = false; !ended;) {
      RETURN_IF_ERROR(progress.wait(std::array{unpacker.fd()}));
      progress.item(label, unpacker.bytes_read(), blob.size);
      ASSIGN_OR_RETURN(ended, unpacker.advance());
    }
    progress.item(label, blob.size, blob.size, true);
    for (std::string& text : unpacker.take_warnings()) progress.warn(std::move(text));
  }
  return {};
}

}  // namespace shale::exporter
