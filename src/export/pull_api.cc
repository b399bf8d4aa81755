// SPDX-License-Identifier: Apache-2.0
// shale pull: the download runs outside, as the user; its events are read inside, where layers are unpacked
// as they arrive.
#include <fmt/format.h>

#include <array>
#include <optional>
#include <set>

#include "export/found_image.h"
#include "export/transfer.h"
#include "export/unpack_image.h"
#include "image/config.h"
#include "registry/pull.h"
#include "store/blobs.h"

namespace shale {

namespace {

using namespace exporter;

class Puller {
 public:
  Puller(store::Store& store, store::BuildLease& lease, std::string encoding, const image::Platform& wanted,
         registry::PullProcess& process, const Progress& progress)
      : store_(store),
        lease_(lease),
        encoding_(std::move(encoding)),
        wanted_(wanted),
        process_(process),
        progress_(progress) {}

  Result<TransferResult> run(const image::ImageRef& reference) {
    while (!process_.finished() || !unpacker_ || !unpacker_->done()) {
      RETURN_IF_ERROR(progress_.wait(
          std::array{process_.finished() ? -1 : process_.event_fd(), unpacker_ ? unpacker_->fd() : -1}));
      while (!process_.finished()) {
        ASSIGN_OR_RETURN(const std::optional<registry::PullEvent> event, process_.next_event());
        if (!event) break;
        RETURN_IF_ERROR(std::visit([this](const auto& e) { return take(e); }, *event));
      }
      if (unpacker_) RETURN_IF_ERROR(turn());
      if (process_.finished() && !unpacker_)
        return fail(ErrorKind::kInternal, "the download ended without saying what it found");
    }
    const Digest registry_digest = resolved_.index_digest.value_or(resolved_.manifest_digest);
    FoundImage found{.config_json = resolved_.config_json,
                     .id = resolved_.manifest.config.digest,
                     .diff_ids = {},
                     .blobs = resolved_.manifest.layers,
                     .manifest = store::ImageManifest{.digest = resolved_.manifest_digest,
                                                      .media_type = resolved_.media_type,
                                                      .json = resolved_.manifest_json},
                     .names = {reference}};
    for (const ImageUnpacker::Layer& layer : unpacker_->layers()) found.diff_ids.push_back(layer.diff_id);
    RETURN_IF_ERROR(put_image(store_, found, unpacker_->content_bytes(), registry_digest));
    return TransferResult{.digest = registry_digest, .names = {reference.familiar()}};
  }

 private:
  Status take(const registry::PullResolved& resolved) {
    resolved_ = resolved;
    // An image without an index is what it is, whatever was asked for.
    ASSIGN_OR_RETURN(const image::ImageConfig config, image::ImageConfig::parse(resolved.config_json));
    if (config.platform.normalized().architecture != wanted_.normalized().architecture)
      progress_.warn(
          fmt::format("the image is for {}, not for {}", config.platform.to_string(), wanted_.to_string()));
    ASSIGN_OR_RETURN(std::vector<Digest> diff_ids,
                     diff_ids_of(resolved.config_json, resolved.manifest.layers.size()));
    ASSIGN_OR_RETURN(unpacker_, ImageUnpacker::create(store_, lease_, std::move(diff_ids),
                                                      resolved.manifest.layers, encoding_));
    return {};
  }
  Status take(const registry::PullProgress& event) {
    progress_.item(event.digest.short_hex(), event.current, event.total);
    return {};
  }
  Status take(const registry::PullBlob& blob) {
    progress_.item(blob.digest.short_hex(), blob.size, blob.size, true);
    RETURN_IF_ERROR(store_.blobs().adopt(lease_, blob.digest));
    arrived_.insert(blob.digest);
    return {};
  }
  Status take(const registry::PullWarning& warning) {
    progress_.warn(warning.text);
    return {};
  }
  Status take(const registry::PullDone&) { return {}; }

  // One step of the unpacking.
  Status turn() {
    if (unpacker_->fd() >= 0) {
      const image::Descriptor& blob = unpacker_->layers()[unpacker_->next()].blob;
      const std::string label = fmt::format("unpacking {}", blob.digest.short_hex());
      progress_.item(label, unpacker_->bytes_read(), blob.size);
      ASSIGN_OR_RETURN(const bool ended, unpacker_->advance());
      if (!ended) return {};
      progress_.item(label, blob.size, blob.size, true);
      for (std::string& text : unpacker_->take_warnings()) progress_.warn(std::move(text));
    }
    if (unpacker_->done()) return {};
    return arrived_.contains(unpacker_->layers()[unpacker_->next()].blob.digest) ? unpacker_->start()
                                                                                 : Status();
  }

  store::Store& store_;
  store::BuildLease& lease_;
  std::string encoding_;
  const image::Platform& wanted_;
  registry::PullProcess& process_;
  const Progress& progress_;
  registry::PullResolved resolved_;
  std::optional<ImageUnpacker> unpacker_;
  std::set<Digest> arrived_;
};

}  // namespace

Result<TransferResult> pull_image(const std::string& store_root, const std::string& name,
                                  const std::string& platform, EventSink& events) {
  ASSIGN_OR_RETURN(const image::ImageRef reference, image::ImageRef::parse(name));
  registry::PullRequest request{.reference = reference};
  if (!platform.empty()) {
    ASSIGN_OR_RETURN(request.platform, image::Platform::parse(platform));
  }
  ASSIGN_OR_RETURN(const std::string root, resolve_root(store_root));
  {
    ASSIGN_OR_RETURN(store::Store store, store::Store::open(root));
    request.blob_directory = store.blobs().directory();
    RETURN_IF_ERROR(store.close());
  }
  ASSIGN_OR_RETURN(registry::PullProcess process, registry::PullProcess::start(request));
  const auto pull = [&](store::Store& store, store::BuildLease& lease, Inside& inside) -> Result<Json> {
    const auto step = [&](const Progress& progress) {
      return Puller(store, lease, inside.encoding(), request.platform, process, progress).run(reference);
    };
    ASSIGN_OR_RETURN(
        const TransferResult result,
        in_step(inside.events(), 1, fmt::format("pulling {}", reference.full()), inside.stop_fd(), step));
    return to_json(result);
  };
  ASSIGN_OR_RETURN(const Json result, run_transfer(root, events, pull));
  return transfer_result_from(result);
}

}  // namespace shale
