// SPDX-License-Identifier: Apache-2.0
// The part of the solver that deals with layers made under other ids: what another isolation left in the
// store is found, and made usable when it is needed as files.
#include <fmt/format.h>

#include "build/solver.h"
#include "export/foreign_layer.h"
#include "store/blobs.h"
#include "store/cache.h"
#include "store/layers.h"

namespace shale::build {

Result<std::optional<store::CacheRecord>> Solver::foreign_record(plan::NodeId id, const Digest& key) {
  NodeState& state = state_.state(id);
  ASSIGN_OR_RETURN(const std::vector<std::string> encodings, state_.store->cache().encodings_of(key));
  for (const std::string& encoding : encodings) {
    if (encoding == state_.encoding) continue;
    ASSIGN_OR_RETURN(std::optional<store::CacheRecord> record, state_.store->cache().lookup(key, encoding));
    if (!record || record->layers.size() != 1) continue;
    ASSIGN_OR_RETURN(const auto layer, state_.store->layers().find(record->layers.front()));
    if (!layer) continue;
    ASSIGN_OR_RETURN(state.foreign_reason, exporter::why_unreadable(*state_.store, *layer));
    if (state.foreign_reason.empty()) return record;
  }
  return std::nullopt;
}

Status Solver::materialize(plan::NodeId id) {
  return std::holds_alternative<plan::ImageOp>(state_.node(id).op) ? start_image(id) : start_conversion(id);
}

Status Solver::start_conversion(plan::NodeId id) {
  NodeState& state = state_.state(id);
  state.started = true;
  const auto made = std::make_shared<std::optional<Result<store::LayerRecord>>>();
  ++submitted_;
  loop_->submit(
      [this, made, foreign = state.layers.front()] {
        *made = exporter::convert_layer(*state_.store, *state_.lease, foreign, state_.encoding);
      },
      [this, made, id] {
        --submitted_;
        if (error_) return;
        if (!**made) return fail_step(id, std::move((*made)->error()));
        NodeState& node = state_.state(id);
        node.layers = {***made};
        node.materialized = true;
        store::CacheRecord record = std::move(*node.foreign);
        node.foreign.reset();
        record.encoding = state_.encoding;
        record.layers = {node.layers.front().id};
        if (Status put = state_.store->cache().put(record); !put) fail_step(id, std::move(put.error()));
      });
  return {};
}

Result<bool> Solver::convert_image(plan::NodeId id) {
  const BaseImage& image = state_.images.at(id);
  if (image.pull >= 0 || !image.layout.empty()) return false;
  std::vector<store::LayerRecord> foreign;
  Digest chain;
  for (std::size_t i = 0; i < image.config.diff_ids.size(); ++i) {
    const Digest& diff_id = image.config.diff_ids[i];
    chain = store::next_chain_id(chain, diff_id);
    ASSIGN_OR_RETURN(const auto own, state_.store->layers().find_diff_id(diff_id, chain, state_.encoding));
    if (own || (i < image.blobs.size() && state_.store->blobs().has(image.blobs[i].digest))) continue;
    std::string reason;
    ASSIGN_OR_RETURN(std::optional<store::LayerRecord> other,
                     exporter::find_foreign_layer(*state_.store, diff_id, chain, state_.encoding, reason));
    if (!other && !reason.empty())
      return fail(
          Error(ErrorKind::kUnsupported, fmt::format("{} cannot be used: {}", image.reference, reason))
              .hint("pull or build it with this isolation, or use the isolation it was built with"));
    if (other) foreign.push_back(std::move(*other));
  }
  if (foreign.empty()) return false;
  const auto made = std::make_shared<Status>();
  ++submitted_;
  loop_->submit(
      [this, made, foreign = std::move(foreign)] {
        for (const store::LayerRecord& layer : foreign) {
          auto copy = exporter::convert_layer(*state_.store, *state_.lease, layer, state_.encoding);
          if (copy) continue;
          *made = fail(std::move(copy.error()));
          return;
        }
      },
      [this, made, id] {
        --submitted_;
        if (error_) return;
        Status started = *made ? start_image_step(id) : std::move(*made);
        if (!started) fail_step(id, std::move(started.error()));
      });
  return true;
}

}  // namespace shale::build
