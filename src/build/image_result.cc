// SPDX-License-Identifier: Apache-2.0
#include "build/image_result.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <set>

namespace shale::build {

namespace {

constexpr const char* kHistoryComment =
    "buildkit.dockerfile.v0";  // tools tell our rows from a classic builder's by it

std::string rfc3339(std::int64_t seconds) {
  const std::time_t time = seconds;
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(time));
}

}  // namespace

Result<std::optional<std::int64_t>> source_date_epoch(const plan::Plan& plan) {
  // "context" stands for the time of a git or HTTP context; a directory has none.
  if (plan.source_date_epoch == "context") return std::nullopt;
  return parse_epoch("SOURCE_DATE_EPOCH", plan.source_date_epoch);
}

Result<std::optional<std::int64_t>> parse_epoch(std::string_view name, const std::string& text) {
  if (text.empty()) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return fail(Error(ErrorKind::kUsage, fmt::format("invalid {}: {}", name, text))
                    .hint("it is a number of seconds since 1970"));
  return value;
}

Result<store::ImageRecord> assemble_image(const BuildState& state) {
  const plan::Stage& stage = state.plan.stages[state.plan.target];
  image::ImageConfig config = stage.config;
  config.diff_ids = state.diff_ids(stage.result);
  ASSIGN_OR_RETURN(const std::optional<std::int64_t> epoch, source_date_epoch(state.plan));

  std::string last = config.history.empty() ? std::string() : config.history.back().created;
  std::vector<image::HistoryRow> rows;
  for (const plan::HistoryStep& step : stage.history) {
    image::HistoryRow row;
    row.created_by = step.created_by;
    row.comment = kHistoryComment;
    row.empty_layer = step.node == plan::kNoNode;
    if (epoch)
      last = rfc3339(*epoch);
    else if (step.node != plan::kNoNode)
      last = rfc3339(state.state(step.node).created);
    row.created = last;
    rows.push_back(std::move(row));
  }
  // Rows before the first layer of ours on an empty base take its time.
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    if (row->created.empty())
      row->created = last.empty() ? rfc3339(0) : last;
    else
      last = row->created;
  }
  config.created = rows.empty() ? config.created : rows.back().created;
  if (config.created.empty()) config.created = rfc3339(epoch.value_or(0));
  config.history.insert(config.history.end(), rows.begin(), rows.end());

  store::ImageRecord record;
  record.config_json = config.to_json();
  record.id = Digest::of(record.config_json);
  record.diff_ids = config.diff_ids;
  struct tm broken{};
  if (::strptime(config.created.c_str(), "%Y-%m-%dT%H:%M:%S", &broken) != nullptr)
    record.created = std::chrono::system_clock::from_time_t(::timegm(&broken));
  for (const store::LayerRecord& layer : state.stack(stage.result)) record.size_bytes += layer.content_bytes;
  return record;
}

BuildSummary summarize(const BuildState& state) {
  BuildSummary out;
  std::set<plan::NodeId> in_result;
  for (plan::NodeId id = state.plan.stages[state.plan.target].result; id != plan::kNoNode;
       id = state.node(id).parent) {
    in_result.insert(id);
    for (const store::LayerRecord& layer : state.state(id).layers) out.image_bytes += layer.content_bytes;
  }
  std::set<plan::NodeId> base_images;  // counted once, for the first stage that stands on them
  for (std::size_t index = 0; index < state.plan.stages.size(); ++index) {
    const plan::Stage& stage = state.plan.stages[index];
    StageSummary row;
    row.name = stage.shown_name;
    row.in_result = index == state.plan.target;
    for (const plan::Node& node : state.plan.nodes) {
      const NodeState& made = state.state(node.id);
      const bool base = node.id == stage.base && std::holds_alternative<plan::ImageOp>(node.op);
      if (!made.needed ||
          (node.stage != static_cast<int>(index) && !(base && base_images.insert(node.id).second)))
        continue;
      std::uint64_t bytes = 0;
      for (const store::LayerRecord& layer : made.layers) bytes += layer.content_bytes;
      row.layer_bytes += bytes;
      if (!in_result.contains(node.id)) row.left_behind_bytes += bytes;
      row.elapsed += made.cached ? std::chrono::nanoseconds(0) : made.elapsed;
      if (!base) ++(made.cached ? row.steps_cached : row.steps_run);
    }
    out.left_behind_bytes += row.left_behind_bytes;
    out.stages.push_back(std::move(row));
  }
  return out;
}

}  // namespace shale::build
