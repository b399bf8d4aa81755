// SPDX-License-Identifier: Apache-2.0
#include "build/build_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "base/sha256.h"
#include "dockerfile/source.h"
#include "shale/images.h"

namespace shale::build {

namespace {

// SHALE_SNAPSHOT_MEMORY, else half of what is free; 0 = none.
Result<std::uint64_t> memory_for_snapshots() {
  constexpr unsigned kMebibyte = 20;
  if (const char* value = ::getenv("SHALE_SNAPSHOT_MEMORY"); value != nullptr && *value != '\0') {
    const std::string_view text = value;
    std::uint64_t mebibytes = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mebibytes);
    if (error != std::errc() || end != text.data() + text.size() || mebibytes > (UINT64_MAX >> kMebibyte))
      return fail(Error(ErrorKind::kUsage, fmt::format("SHALE_SNAPSHOT_MEMORY is '{}', not a number", text))
                      .hint("it is the number of mebibytes that a build may keep in memory for its steps"));
    return mebibytes << kMebibyte;
  }
  // Below this, an ordinary package is more likely not to fit than to fit.
  constexpr std::uint64_t kLeast = std::uint64_t{128} << kMebibyte;
  const std::uint64_t spare = store::spare_memory();
  return spare < kLeast ? 0 : spare;
}

}  // namespace

Status BuildState::open_store() {
  if (store) return {};
  if (store_root.empty()) store_root = request.store_root;
  if (store_root.empty()) {
    ASSIGN_OR_RETURN(store_root, default_store_root());
  }
  ASSIGN_OR_RETURN(store, store::Store::open(store_root));
  return {};
}

Status BuildState::open_lease() {
  RETURN_IF_ERROR(open_store());
  if (lease) return {};
  ASSIGN_OR_RETURN(lease, store::BuildLease::create(*store));
  return {};
}

Result<Snapshotter> BuildState::choose_snapshotter() {
  if (isolation.snapshotter != Snapshotter::kTmpfs || memory) return isolation.snapshotter;
  ASSIGN_OR_RETURN(const std::uint64_t bytes, memory_for_snapshots());
  if (bytes == 0) return Snapshotter::kClone;
  ASSIGN_OR_RETURN(store::MemoryUppers mounted, store::MemoryUppers::mount(*store, *lease, bytes));
  memory.emplace(std::move(mounted));
  return Snapshotter::kTmpfs;
}

void BuildState::begin(plan::Plan new_plan) {
  plan = std::move(new_plan);
  nodes.assign(plan.nodes.size(), {});
  std::vector<plan::NodeId> open{plan.stages[plan.target].result};
  while (!open.empty()) {
    const plan::NodeId id = open.back();
    open.pop_back();
    if (id == plan::kNoNode || state(id).needed) continue;
    state(id).needed = true;
    open.push_back(node(id).parent);
    open.insert(open.end(), node(id).inputs.begin(), node(id).inputs.end());
  }
}

Digest BuildState::chain(plan::NodeId id) const {
  if (id == plan::kNoNode) return FieldHash("shale-empty-snapshot").finish();
  return state(id).chain;
}

LayerStack BuildState::stack(plan::NodeId id) const {
  LayerStack out;
  for (; id != plan::kNoNode; id = node(id).parent)
    out.insert(out.begin(), state(id).layers.begin(), state(id).layers.end());
  return out;
}

std::vector<Digest> BuildState::diff_ids(plan::NodeId id) const {
  std::vector<Digest> out;
  for (; id != plan::kNoNode; id = node(id).parent)
    out.insert(out.begin(), state(id).diff_ids.begin(), state(id).diff_ids.end());
  return out;
}

bool BuildState::materialized(plan::NodeId id) const {
  for (; id != plan::kNoNode; id = node(id).parent)
    if (!state(id).known || !state(id).materialized) return false;
  return true;
}

Result<SourceTree*> BuildState::tree(const plan::FileSource& source) {
  switch (source.kind) {
    case plan::FileSource::Kind::kContext:
      return context.get();
    case plan::FileSource::Kind::kNamedContext:
      return named_contexts.at(source.name).get();
    case plan::FileSource::Kind::kNode:
      break;
    case plan::FileSource::Kind::kInline:
      if (!empty_tree_) empty_tree_ = make_inline_tree({});
      return empty_tree_.get();
  }
  std::unique_ptr<SourceTree>& tree = layer_trees_[source.node];
  if (!tree) {
    std::string name = "an empty stage";
    if (source.node != plan::kNoNode) {
      const plan::Node& from = node(source.node);
      if (const auto* image = std::get_if<plan::ImageOp>(&from.op))
        name = "the image " + image->reference;
      else if (from.stage >= 0)
        name = fmt::format("stage {}", plan.stages[static_cast<std::size_t>(from.stage)].shown_name);
    }
    ASSIGN_OR_RETURN(tree, make_layer_tree(*store, stack(source.node), std::move(name)));
  }
  return tree.get();
}

Error BuildState::error_at(const plan::Node& node, Error error) const {
  if (error.span() != nullptr || node.span.line == 0 || node.span.file != dockerfile_name) return error;
  error.set_span(node.span);
  return std::move(error).with_excerpt(dockerfile::excerpt(dockerfile_text, node.span));
}

}  // namespace shale::build
