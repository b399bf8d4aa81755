// SPDX-License-Identifier: Apache-2.0
// Any bytes as a tree and patterns over it: lines up to an empty line are paths ("x/y", or "x -> y" for a
// link), the rest is a .dockerignore whose lines are also COPY's sources. A walk has to give the verdicts
// that single questions give, and what COPY picks has to be there.
#include <algorithm>
#include <map>

#include "../unit/build/test_trees.h"
#include "build/selection.h"
#include "dockerfile/glob.h"
#include "dockerfile/ignore.h"
#include "fuzz.h"

namespace shale {
namespace {

using fuzz::check;

// Enough for patterns to differ; more would only repeat the same work for each.
constexpr std::size_t kMaxPaths = 64;
constexpr std::size_t kMaxSources = 64;
constexpr std::size_t kMaxPathBytes = 4096;  // PATH_MAX
// Of all entries. Each directory on the way is one, with its whole path: without a limit a few deep paths
// make a tree whose size is the square of the input's, and every pattern looks at all of it.
constexpr std::size_t kMaxTreeBytes = 64 * 1024;

std::vector<layer::Entry> read_tree(std::string_view& text) {
  std::map<std::string, layer::Entry> entries;
  std::size_t tree_bytes = 0;
  for (std::string_view line = fuzz::take_line(text); !line.empty(); line = fuzz::take_line(text)) {
    const std::size_t arrow = line.find(" -> ");
    const std::string path(line.substr(0, arrow));
    if (path.empty() || path.size() > kMaxPathBytes || !layer::is_plain_path(path) ||
        entries.size() >= kMaxPaths || entries.contains(path))
      continue;
    std::vector<std::string> parents;
    std::size_t bytes = path.size();
    for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1))
      bytes += parents.emplace_back(path.substr(0, slash)).size();
    if (tree_bytes + bytes > kMaxTreeBytes) continue;
    const auto is_in_the_way = [&](const std::string& parent) {
      const auto at = entries.find(parent);
      return at != entries.end() && !at->second.is_directory();
    };
    if (std::ranges::any_of(parents, is_in_the_way)) continue;
    tree_bytes += bytes;
    for (std::string& parent : parents) entries.try_emplace(parent, build::directory(parent));
    entries.emplace(path, arrow == std::string_view::npos
                              ? build::file(path)
                              : build::symlink(path, std::string(line.substr(arrow + 4))));
  }
  std::vector<layer::Entry> out;
  for (auto& [path, entry] : entries) out.push_back(std::move(entry));
  return out;
}

// The verdicts of a walk, as the context is read: every directory's state is handed to its children.
void check_walk(const dockerfile::IgnoreMatcher& matcher, const build::TestTree& tree,
                const std::string& directory, const dockerfile::IgnoreMatcher::State& state, bool pruned) {
  for (const layer::ViewEntry& child : tree.view().children(directory)) {
    const std::string& path = child.entry->path;
    const bool single = matcher.matches(path);
    if (pruned) check(single, "everything below a pruned directory is ignored");
    if (!child.entry->is_directory()) {
      check(matcher.visit(path, state, nullptr).ignored == single,
            "a walk and a question agree about a file");
      continue;
    }
    dockerfile::IgnoreMatcher::State below;
    const auto verdict = matcher.visit(path, state, &below);
    check(verdict.ignored == single, "a walk and a question agree about a directory");
    check_walk(matcher, tree, path, below, pruned || verdict.prune);
  }
}

void check_source(build::TestTree& tree, const std::string& source, bool parents) {
  plan::CopyOp op;
  op.paths = {source};
  op.parents = parents;
  const auto selected = build::select(op, tree);
  if (!selected) return check(!selected.error().message().empty(), "errors have a text");
  for (const build::Selected& one : *selected)
    check(one.path.empty() || tree.view().find(one.path), "what is picked is there");
  op.exclude = {source};
  (void)build::selection_digest(op, tree, *selected);
}

}  // namespace
}  // namespace shale

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace shale;
  const fuzz::CpuLimit limit;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<layer::Entry> entries = read_tree(text);
  const std::vector<layer::Entry> copy = entries;
  build::TestTree tree(std::move(entries));
  if (const auto matcher = dockerfile::IgnoreMatcher::parse(text)) {
    check_walk(*matcher, tree, "", {}, false);
    std::vector<std::string> again = matcher->patterns();
    const auto second = dockerfile::IgnoreMatcher::from_patterns(again);
    check(second.has_value(), "cleaned patterns are patterns");
  }
  for (std::size_t sources = 0; !text.empty() && sources < kMaxSources; ++sources) {
    const std::string line(fuzz::take_line(text));
    check_source(tree, line, false);
    check_source(tree, line, true);
    for (const layer::Entry& entry : copy) {
      const auto match = dockerfile::glob_match(line, entry.path);
      if (match && !dockerfile::has_wildcards(line))
        check(*match == (dockerfile::remove_escapes(line) == entry.path),
              "without wildcards only the same path matches");
    }
  }
  return 0;
}
