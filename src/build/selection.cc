// SPDX-License-Identifier: Apache-2.0
#include "build/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/path.h"
#include "base/sha256.h"
#include "base/suggest.h"
#include "dockerfile/glob.h"
#include "dockerfile/ignore.h"
#include "plan/paths.h"

namespace shale::build {

namespace {

std::string relative(std::string_view absolute_path) {
  return std::string(absolute_path.starts_with('/') ? absolute_path.substr(1) : absolute_path);
}

std::string last_component(std::string_view path) {
  const std::size_t slash = path.find_last_of('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

Error not_found(const SourceTree& tree, const std::string& path) {
  for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1))
    if (Status open = tree.check_open(path.substr(0, slash)); !open) return std::move(open.error());
  Error error(ErrorKind::kDockerfile, fmt::format("\"/{}\": not found in {}", path, tree.name()));
  if (tree.is_ignored(path)) {
    error.add_hint("the file is there, but .dockerignore excludes it");
    return error;
  }
  if (const std::optional<layer::ViewEntry> link = tree.view().find(path);
      link && link->entry->is_symlink()) {
    error.add_hint(fmt::format("it is a link to '{}', where nothing is", link->entry->link_target));
    return error;
  }
  const std::size_t slash = path.find_last_of('/');
  const std::string directory = slash == std::string::npos ? std::string() : path.substr(0, slash);
  std::vector<std::string> names;
  for (const layer::ViewEntry& child : tree.view().children(directory))
    names.emplace_back(child.entry->name());
  if (const std::string nearest = suggest(last_component(path), names); !nearest.empty())
    error.add_hint(fmt::format("did you mean '{}{}'?", directory.empty() ? "" : directory + "/", nearest));
  return error;
}

// Links are followed.
Result<layer::ResolvedPath> resolve(const SourceTree& tree, const std::string& path) {
  Result<layer::ResolvedPath> found = tree.view().resolve(path, true);
  if (!found && found.error().errno_value() == ELOOP)
    return fail(
        Error(ErrorKind::kDockerfile, fmt::format("\"/{}\": too many symlinks in {}", path, tree.name()))
            .hint("a link there leads to itself"));
  return found;
}

// The components before the first one with a wildcard, and the rest.
std::pair<std::string, std::string> split_wildcards(const std::string& path) {
  std::size_t at = 0;
  while (at < path.size()) {
    std::size_t end = path.find('/', at);
    if (end == std::string::npos) end = path.size();
    if (dockerfile::has_wildcards(std::string_view(path).substr(at, end - at)))
      return {at == 0 ? std::string() : path.substr(0, at - 1), path.substr(at)};
    at = end + 1;
  }
  return {path, {}};
}

// The first components of a pattern, as many as `path` has.
std::string_view components_of(std::string_view pattern, std::string_view path) {
  std::size_t end = 0;
  for (auto left = std::count(path.begin(), path.end(), '/') + 1; left > 0 && end != std::string_view::npos;
       --left)
    end = pattern.find('/', end == 0 ? 0 : end + 1);
  return pattern.substr(0, end);
}

// Something below the directory `path` could match.
bool leads_into(std::string_view pattern, std::string_view path) {
  const std::string_view first = components_of(pattern, path);
  return first.find("**") != std::string_view::npos || dockerfile::glob_match(first, path).value_or(false);
}

Status select_wildcard(const SourceTree& tree, const std::string& base, const std::string& pattern,
                       std::vector<Selected>& out) {
  ASSIGN_OR_RETURN(const layer::ResolvedPath start, resolve(tree, dockerfile::remove_escapes(base)));
  if (!start.exists()) return fail(not_found(tree, dockerfile::remove_escapes(base)));
  RETURN_IF_ERROR(tree.check_open(start.path));
  const std::size_t prefix = start.path.empty() ? 0 : start.path.size() + 1;
  std::string matched;  // below a match nothing is looked at
  return tree.view().walk(start.path, [&](const layer::ViewEntry& found) -> Status {
    const std::string& path = found.entry->path;
    if (path.size() <= prefix) return {};
    if (!matched.empty() && path.starts_with(matched)) return {};
    const std::string_view inside = std::string_view(path).substr(prefix);
    ASSIGN_OR_RETURN(const bool match, dockerfile::glob_match(pattern, inside));
    if (!match) {
      Status open = tree.check_open(path);
      return !open && leads_into(pattern, inside) ? open : Status();
    }
    if (found.entry->is_directory()) matched = path + "/";
    std::string target = path;
    if (found.entry->is_symlink()) {
      // A picked link is followed, as a written one is.
      ASSIGN_OR_RETURN(const layer::ResolvedPath real, resolve(tree, path));
      if (!real.exists()) return fail(not_found(tree, path));
      target = real.path;
    }
    out.push_back(
        {.path = std::move(target), .name = last_component(path), .word = 0, .parents_pattern = {}});
    return {};
  });
}

// COPY --parents: what stands before "/./" is left out of the names that are made; it may hold wildcards
// itself.
Status select_with_parents(const SourceTree& tree, const std::string& word, std::vector<Selected>& out) {
  const std::size_t pivot = word.find("/./");
  const std::string base =
      pivot == std::string::npos ? std::string() : relative(plan::clean_path(word.substr(0, pivot)));
  const std::string pattern =
      relative(plan::clean_path(pivot == std::string::npos ? word : word.substr(pivot + 3)));
  std::vector<Selected> starts;
  const auto [literal, wildcard] = split_wildcards(base);
  if (wildcard.empty()) {
    ASSIGN_OR_RETURN(const layer::ResolvedPath start, resolve(tree, literal));
    if (!start.exists()) return fail(not_found(tree, literal));
    starts.push_back({.path = start.path, .name = {}, .word = 0, .parents_pattern = {}});
  } else {
    RETURN_IF_ERROR(select_wildcard(tree, literal, wildcard, starts));
  }
  for (const Selected& start : starts) {
    if (wildcard.empty() && !dockerfile::has_wildcards(pattern) && !pattern.empty()) {
      const std::string whole = start.path.empty() ? pattern : start.path + "/" + pattern;
      if (!tree.view().find(whole)) return fail(not_found(tree, whole));
    }
    out.push_back({.path = start.path, .name = {}, .word = 0, .parents_pattern = pattern});
  }
  return {};
}

Status select_word(const plan::CopyOp& op, const std::string& word, const SourceTree& tree,
                   std::vector<Selected>& out) {
  if (op.parents) return select_with_parents(tree, word, out);
  const std::string path = relative(plan::clean_path(word));
  const auto [base, pattern] = split_wildcards(path);
  if (!pattern.empty()) return select_wildcard(tree, base, pattern, out);
  const std::string literal = dockerfile::remove_escapes(path);
  Result<layer::ResolvedPath> found = resolve(tree, literal);
  if (!found && found.error().errno_value() != ENOTDIR) return fail(std::move(found.error()));
  if (!found || !found->exists()) return fail(not_found(tree, literal));
  out.push_back({.path = found->path, .name = last_component(literal), .word = 0, .parents_pattern = {}});
  return {};
}

// What a pattern with "**" picks is less than what docker's client sends for it: there, these match any
// number of directories, as in .dockerignore. Whether it sends something below the directory `path` of
// `tree`.
bool sends_below(const SourceTree& tree, const std::string& word, const std::string& path) {
  const auto [base, pattern] = split_wildcards(relative(plan::clean_path(word)));
  if (pattern.find("**") == std::string::npos) return false;
  const Result<layer::ResolvedPath> start = resolve(tree, dockerfile::remove_escapes(base));
  if (!start || !start->exists()) return false;
  const auto sent = dockerfile::IgnoreMatcher::from_patterns(
      {start->path.empty() ? pattern : fmt::format("{}/{}", start->path, pattern)});
  if (!sent) return false;
  bool found = false;
  (void)tree.view().walk(path, [&](const layer::ViewEntry& entry) -> Status {
    found = found || (entry.entry->path.size() > path.size() && sent->matches(entry.entry->path));
    return {};
  });
  return found;
}

// Whether something that `op` takes from the tree is `path`, lies below it or around it.
bool takes(const plan::CopyOp& op, const SourceTree& tree, const std::string& path) {
  for (const std::string& word : op.paths) {
    std::vector<Selected> picks;
    // What is wrong with another word is said where it stands.
    if (!select_word(op, word, tree, picks)) continue;
    for (const Selected& pick : picks)
      if (lies_in(pick.path, path) || lies_in(path, pick.path)) return true;
    if (sends_below(tree, word, path)) return true;
  }
  return false;
}

// Nothing was picked for `path`, a word of `op` with a wildcard.
Status check_may_be_empty(const plan::CopyOp& op, const SourceTree& tree, const std::string& path) {
  if (tree.taken_otherwise() == nullptr) return {};
  const std::string base = split_wildcards(path).first;
  if (base.empty()) return {};
  ASSIGN_OR_RETURN(const layer::ResolvedPath start, resolve(tree, dockerfile::remove_escapes(base)));
  if (takes(op, tree, start.path)) return {};
  for (const plan::CopyOp* other : *tree.taken_otherwise())
    if (takes(*other, tree, start.path)) return {};
  Error error(ErrorKind::kDockerfile, fmt::format("\"/{}\": nothing matches in {}", path, tree.name()));
  const std::size_t name = base.size() - last_component(base).size();
  error.add_hint(fmt::format("if that is no mistake, let the directory be a pattern, too: '{}[{}]{}'",
                             path.substr(0, name), path.substr(name, 1), path.substr(name + 1)));
  return fail(std::move(error));
}

}  // namespace

Result<std::vector<Selected>> select(const plan::CopyOp& op, const SourceTree& tree) {
  std::vector<Selected> out;
  std::size_t index = 0;
  for (const std::string& word : op.paths) {
    const std::size_t before = out.size();
    RETURN_IF_ERROR(select_word(op, word, tree, out));
    for (std::size_t i = before; i < out.size(); ++i) out[i].word = index;
    ++index;
    if (out.size() == before && !op.parents)
      RETURN_IF_ERROR(check_may_be_empty(op, tree, relative(plan::clean_path(word))));
  }
  return out;
}

Result<Digest> selection_digest(const plan::CopyOp& op, SourceTree& tree,
                                const std::vector<Selected>& selected) {
  ASSIGN_OR_RETURN(const dockerfile::IgnoreMatcher exclude,
                   dockerfile::IgnoreMatcher::from_patterns(op.exclude));
  FieldHash hash("selection");
  for (const Selected& one : selected) {
    hash.add("pick").add(one.name).add(one.parents_pattern);
    dockerfile::IgnoreMatcher include;
    if (!one.parents_pattern.empty()) {
      ASSIGN_OR_RETURN(include, dockerfile::IgnoreMatcher::from_patterns({one.parents_pattern}));
    }
    const std::size_t prefix = one.path.empty() ? 0 : one.path.size() + 1;
    RETURN_IF_ERROR(tree.view().walk(one.path, [&](const layer::ViewEntry& found) -> Status {
      const layer::Entry& entry = *found.entry;
      const std::string_view inside =
          entry.path.size() <= prefix ? std::string_view() : std::string_view(entry.path).substr(prefix);
      const bool excluded = !inside.empty() && !exclude.empty() && exclude.matches(inside);
      // One that is excluded may be made after all, for what is excepted below it.
      if (excluded && (!entry.is_directory() || !exclude.has_exceptions())) return {};
      if (Status open = tree.check_open(entry.path);
          !open && (include.empty() || include.matches(inside) || leads_into(one.parents_pattern, inside)))
        return open;
      if (!inside.empty() && !include.empty() && !entry.is_directory() && !include.matches(inside)) return {};
      hash.add(inside)
          .add(static_cast<std::uint64_t>(entry.type))
          .add(entry.mode)
          .add(entry.uid)
          .add(entry.gid);
      hash.add(entry.link_target).add(entry.hard_link_of).add(entry.dev_major).add(entry.dev_minor);
      if (entry.is_file()) {
        ASSIGN_OR_RETURN(const Digest content, tree.content_of(found));
        hash.add(content);
      }
      hash.add(entry.xattrs.size());
      for (const layer::EntryXattr& xattr : entry.xattrs) hash.add(xattr.name).add(xattr.value);
      return {};
    }));
  }
  return hash.finish();
}

}  // namespace shale::build
