// SPDX-License-Identifier: Apache-2.0
#include "build/image_step.h"

#include <fmt/format.h>

#include "image/reference.h"
#include "store/blobs.h"
#include "store/layers.h"

namespace shale::build {

namespace {

std::string shown(const Digest& digest) { return "sha256:" + digest.short_hex(); }

}  // namespace

Status ImageStep::start() {
  ASSIGN_OR_RETURN(unpacker_,
                   exporter::ImageUnpacker::create(*state_.store, *state_.lease, image_.config.diff_ids,
                                                   image_.blobs, state_.encoding));
  return {};
}

bool ImageStep::has_blob(std::size_t layer) const {
  return state_.store->blobs().has(unpacker_->layers()[layer].blob.digest);
}

std::vector<int> ImageStep::fds() const {
  std::vector<int> out;
  if (unpacker_->fd() >= 0) out.push_back(unpacker_->fd());
  if (pull_ != nullptr && !pull_done_) out.push_back(pull_->event_fd());
  return out;
}

Status ImageStep::read_pull(EventSink& events, StepId step) {
  while (pull_ != nullptr && !pull_done_) {
    Result<std::optional<registry::PullEvent>> event = pull_->next_event();
    if (!event)
      return fail(std::move(event.error()).context(fmt::format("while pulling {}", image_.reference)));
    if (!event->has_value()) return {};
    if (const auto* progress = std::get_if<registry::PullProgress>(&**event)) {
      events.on(StepProgress{.step = step,
                             .item = shown(progress->digest),
                             .current = progress->current,
                             .total = progress->total,
                             .finished = false});
    } else if (const auto* blob = std::get_if<registry::PullBlob>(&**event)) {
      RETURN_IF_ERROR(state_.store->blobs().adopt(*state_.lease, blob->digest));
      events.on(StepProgress{.step = step,
                             .item = shown(blob->digest),
                             .current = blob->size,
                             .total = blob->size,
                             .finished = true});
    } else if (const auto* warning = std::get_if<registry::PullWarning>(&**event)) {
      events.on(Warning{.rule = {}, .text = warning->text, .span = {}, .excerpt = {}});
    } else if (std::holds_alternative<registry::PullDone>(**event)) {
      pull_done_ = true;
    }
  }
  return {};
}

Status ImageStep::advance(EventSink& events, StepId step) {
  RETURN_IF_ERROR(read_pull(events, step));
  if (unpacker_->fd() >= 0) {
    const std::size_t layer = unpacker_->next();
    ASSIGN_OR_RETURN(const bool published, unpacker_->advance());
    const image::Descriptor& blob = unpacker_->layers()[layer].blob;
    events.on(StepProgress{.step = step,
                           .item = "extracting " + shown(blob.digest),
                           .current = published ? blob.size : unpacker_->bytes_read(),
                           .total = blob.size,
                           .finished = published});
    for (const std::string& warning : unpacker_->take_warnings())
      events.on(Warning{
          .rule = {}, .text = fmt::format("{}: {}", image_.reference, warning), .span = {}, .excerpt = {}});
  }
  if (!unpacker_->done() && unpacker_->fd() < 0) {
    if (has_blob(unpacker_->next())) {
      // Another build may have fetched it this moment and not recorded it yet: under its name it is complete.
      const Digest& blob = unpacker_->layers()[unpacker_->next()].blob.digest;
      RETURN_IF_ERROR(state_.store->blobs().adopt(*state_.lease, blob));
      return unpacker_->start();
    }
    if (pull_ == nullptr || pull_done_)
      return fail(
          Error(ErrorKind::kCorrupt,
                fmt::format("layer {} of {} is neither unpacked in the store nor there as a blob",
                            shown(unpacker_->layers()[unpacker_->next()].blob.digest), image_.reference))
              .hint("pull or load the image again"));
  }
  return {};
}

Status ImageStep::finish() {
  NodeState& node = state_.state(node_);
  node.layers.clear();
  for (const exporter::ImageUnpacker::Layer& layer : unpacker_->layers()) {
    ASSIGN_OR_RETURN(std::optional<store::LayerRecord> record, state_.store->layers().find(layer.id));
    if (!record)
      return fail(ErrorKind::kInternal, fmt::format("layer {} vanished while the build held it", layer.id));
    node.layers.push_back(std::move(*record));
  }
  node.materialized = true;
  // A layer that was there already may have come with other blobs, or with none.
  if (pull_ != nullptr || !image_.layout.empty())
    for (std::size_t i = 0; i < image_.blobs.size(); ++i)
      if (has_blob(i))
        RETURN_IF_ERROR(state_.store->layers().add_blob(image_.config.diff_ids[i], image_.blobs[i]));
  if (pull_ == nullptr) return {};
  store::ImageRecord record;
  record.id = image_.id;
  record.config_json = image_.config_json;
  record.diff_ids = image_.config.diff_ids;
  record.manifest = image_.manifest;
  for (const store::LayerRecord& layer : node.layers) record.size_bytes += layer.content_bytes;
  const std::vector<store::TagRecord> tags{{.reference = image_.reference,
                                            .image = image_.id,
                                            .manifest_digest = image_.registry_digest.value_or(Digest{})}};
  return state_.store->images().put(record, tags);
}

}  // namespace shale::build
