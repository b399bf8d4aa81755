// SPDX-License-Identifier: Apache-2.0
#include "build/copy_plan.h"

#include <fmt/format.h>

#include <cerrno>
#include <ctime>
#include <utility>

#include "base/path.h"
#include "dockerfile/ignore.h"
#include "plan/paths.h"

namespace shale::build {

namespace {

constexpr std::uint32_t kNewDirectoryMode = 0755;

bool lies_below(std::string_view path, std::string_view directory) {
  return path.size() > directory.size() && path[directory.size()] == '/' && path.starts_with(directory);
}

std::string join(const std::string& directory, std::string_view name) {
  if (directory.empty()) return std::string(name);
  if (name.empty()) return directory;
  return fmt::format("{}/{}", directory, name);
}

// A directory of the image with what is planned for it. What is planned hides what is below.
class PlanCursor final : public layer::TreeCursor {
 public:
  PlanCursor(const CopyPlan::EntryMap& planned, const layer::SnapshotView& below, std::string root)
      : planned_(planned), path_(std::move(root)) {
    below_.push_back(below.directory(path_));
  }
  [[nodiscard]] std::optional<layer::ViewEntry> look(std::string_view name) const override {
    if (const auto planned = planned_.find(join(path_, name)); planned != planned_.end())
      return layer::ViewEntry{&planned->second.entry, 0};
    return below_.back().child(name);
  }
  void enter(std::string_view name) override {
    below_.push_back(below_.back().subdirectory(name));
    path_ = join(path_, name);
  }
  void leave() override {
    below_.pop_back();
    path_ = std::string(parent_of(path_));
  }

 private:
  const CopyPlan::EntryMap& planned_;
  std::string path_;
  std::vector<layer::SnapshotView::Directory> below_;
};

}  // namespace

const layer::Entry* CopyPlan::existing(const std::string& path) const {
  if (const auto planned = entries_.find(path); planned != entries_.end()) return &planned->second.entry;
  // Something planned at a parent that is not a directory hides what is below.
  const std::optional<layer::ViewEntry> found = below_.find(path);
  return found ? found->entry : nullptr;
}

Result<layer::ResolvedPath> CopyPlan::resolve(const std::string& path, const std::string& root) const {
  PlanCursor cursor(entries_, below_, root);
  ASSIGN_OR_RETURN(layer::ResolvedPath resolved, layer::resolve_in_root(path, true, cursor));
  resolved.path = join(root, resolved.path);
  return resolved;
}

// Puts an existing directory into the plan as it is, so that what is made in it has its parents.
void CopyPlan::carry_over(const std::string& path) {
  if (path.empty() || entries_.contains(path)) return;
  carry_over(std::string(parent_of(path)));
  if (const std::optional<layer::ViewEntry> found = below_.find(path)) {
    PlannedEntry planned;
    planned.entry = *found->entry;
    planned.entry.opaque = false;
    entries_.emplace(path, std::move(planned));
  }
}

void CopyPlan::decorate(layer::Entry& entry) const {
  if (chown_) {
    entry.uid = chown_->uid;
    entry.gid = chown_->gid;
  }
  if (chmod_ && !entry.is_symlink()) entry.mode = chmod_->apply(entry.mode, entry.is_directory());
}

Status CopyPlan::make_directories(const std::string& path, std::uint32_t mode,
                                  const std::optional<Owner>& owner) {
  if (path.empty()) return {};
  if (const layer::Entry* there = existing(path)) {
    if (!there->is_directory())
      return fail(ErrorKind::kDockerfile, fmt::format("cannot make the directory '/{}': a {} is there", path,
                                                      layer::entry_type_name(there->type)));
    carry_over(path);
    return {};
  }
  RETURN_IF_ERROR(make_directories(std::string(parent_of(path)), mode, owner));
  PlannedEntry planned;
  planned.entry.path = path;
  planned.entry.type = layer::EntryType::kDirectory;
  planned.entry.mode = mode;
  planned.entry.mtime_s = new_directory_time_ ? new_directory_time_->first : std::time(nullptr);
  planned.entry.mtime_ns = new_directory_time_ ? new_directory_time_->second : 0;
  if (owner) {
    planned.entry.uid = owner->uid;
    planned.entry.gid = owner->gid;
  }
  entries_[path] = std::move(planned);
  return {};
}

Status CopyPlan::put(SourceTree& tree, const layer::ViewEntry& source, const std::string& target,
                     bool keep_existing_directory) {
  const layer::Entry& from = *source.entry;
  const layer::Entry* there = target.empty() ? nullptr : existing(target);
  if (from.is_directory()) {
    if (there != nullptr && !there->is_directory())
      return fail(ErrorKind::kDockerfile, fmt::format("cannot copy to non-directory: /{} is a {}", target,
                                                      layer::entry_type_name(there->type)));
    if (target.empty()) return {};
    if (there != nullptr && keep_existing_directory) {
      carry_over(target);
      PlannedEntry& planned = entries_.at(target);
      planned.entry.mtime_s = from.mtime_s;
      planned.entry.mtime_ns = from.mtime_ns;
      return {};
    }
  } else if (target.empty() || (there != nullptr && there->is_directory())) {
    return fail(ErrorKind::kDockerfile, fmt::format("cannot replace to directory /{} with file", target));
  }
  RETURN_IF_ERROR(make_directories(std::string(parent_of(target)), kNewDirectoryMode, chown_));

  PlannedEntry planned;
  planned.entry = from;
  planned.entry.path = target;
  planned.entry.opaque = false;
  planned.entry.hard_link_of.clear();
  decorate(planned.entry);
  planned.tree = &tree;
  planned.from = source;
  if (from.is_file()) {
    // Names of one inode stay names of one inode, as long as they are copied together.
    const std::string& group = from.hard_link_of.empty() ? from.path : from.hard_link_of;
    const auto [first, is_new] = links_.try_emplace({&tree, {source.layer, group}}, target);
    if (!is_new && first->second != target) {
      const auto kept = entries_.find(first->second);
      if (kept != entries_.end() && kept->second.entry.is_file() && kept->second.tree == &tree) {
        planned.entry.hard_link_of = first->second;
        linked_.insert(first->second);
      }
    }
  }
  replace(target, std::move(planned));
  return {};
}

void CopyPlan::hand_on_links(const std::string& target) {
  // Asked first: without other names there is no need to look at every entry.
  if (linked_.erase(target) == 0) return;
  const PlannedEntry old = entries_.at(target);
  std::string first;
  for (auto& [path, other] : entries_) {
    if (other.entry.hard_link_of != target) continue;
    other.entry.hard_link_of = first;
    if (!first.empty()) continue;
    first = path;
    other.tree = old.tree;
    other.from = old.from;
  }
  if (!first.empty()) linked_.insert(first);
}

void CopyPlan::replace(const std::string& target, PlannedEntry planned) {
  hand_on_links(target);
  entries_.insert_or_assign(target, std::move(planned));
}

Status CopyPlan::copy_tree(SourceTree& tree, const Selected& pick, const std::string& target,
                           const plan::CopyOp& op) {
  ASSIGN_OR_RETURN(const dockerfile::IgnoreMatcher exclude,
                   dockerfile::IgnoreMatcher::from_patterns(op.exclude));
  dockerfile::IgnoreMatcher include;
  if (!pick.parents_pattern.empty()) {
    ASSIGN_OR_RETURN(include, dockerfile::IgnoreMatcher::from_patterns({pick.parents_pattern}));
  }
  const std::size_t prefix = pick.path.empty() ? 0 : pick.path.size() + 1;
  // Directories that a pattern has not picked are made only when something below them is. Of those seen, the
  // ones that the walk is in, from the outside in.
  std::vector<layer::ViewEntry> open_directories;
  return tree.view().walk(pick.path, [&](const layer::ViewEntry& found) -> Status {
    const std::string& path = found.entry->path;
    const std::string_view inside =
        path.size() <= prefix ? std::string_view() : std::string_view(path).substr(prefix);
    if (inside.empty()) {
      if (!found.entry->is_directory() || include.empty()) return put(tree, found, target, true);
      return {};
    }
    while (!open_directories.empty() && !lies_below(path, open_directories.back().entry->path))
      open_directories.pop_back();
    if (!exclude.empty() && exclude.matches(inside)) {
      if (!found.entry->is_directory() || !exclude.has_exceptions()) return {};
      open_directories.push_back(found);
      return {};
    }
    if (!include.empty() && !include.matches(inside)) {
      if (found.entry->is_directory()) open_directories.push_back(found);
      return {};
    }
    for (const layer::ViewEntry& directory : open_directories) {
      const std::string& open_path = directory.entry->path;
      if (!entries_.contains(join(target, open_path.substr(prefix))))
        RETURN_IF_ERROR(put(tree, directory, join(target, open_path.substr(prefix)), false));
    }
    return put(tree, found, join(target, inside), false);
  });
}

Status CopyPlan::add(const plan::CopyOp& op, SourceTree& tree, const std::vector<Selected>& selected) {
  // New parents of the destination get an octal --chmod too, as BuildKit gives it to them.
  const std::uint32_t new_mode = chmod_ && chmod_->octal() ? *chmod_->octal() : kNewDirectoryMode;
  for (const Selected& pick : selected) {
    links_.clear();  // names of one inode stay that within what is picked once
    if (const std::optional<layer::ViewEntry> first = tree.view().find(pick.path))
      new_directory_time_ = {first->entry->mtime_s, first->entry->mtime_ns};
    const std::string wanted = op.destination == "/" ? "/" : op.destination;
    const bool wants_directory = wanted.ends_with('/');
    // The directory part of the destination comes first: with a trailing slash, that is all of it.
    const std::string to_ensure = wants_directory ? wanted : wanted.substr(0, wanted.find_last_of('/') + 1);
    ASSIGN_OR_RETURN(const layer::ResolvedPath directory, resolve(to_ensure));
    RETURN_IF_ERROR(make_directories(directory.path, new_mode, chown_));
    ASSIGN_OR_RETURN(const layer::ResolvedPath destination, resolve(wanted));

    const std::optional<layer::ViewEntry> source = tree.view().find(pick.path);
    const bool source_is_directory = pick.path.empty() || (source && source->entry->is_directory());
    std::string target = destination.path;
    const bool target_is_directory =
        destination.is_root() || (destination.entry && destination.entry->entry->is_directory());
    if (!source_is_directory && target_is_directory) target = join(target, pick.name);
    // A new directory that receives a directory's content is made like any other parent: it does not become
    // the source.
    if (source_is_directory && !destination.exists())
      RETURN_IF_ERROR(make_directories(target, new_mode, chown_));
    if (source_is_directory && destination.exists() && !target_is_directory)
      return fail(ErrorKind::kDockerfile,
                  fmt::format("cannot copy to non-directory: /{} is a {}", target,
                              layer::entry_type_name(destination.entry->entry->type)));
    RETURN_IF_ERROR(copy_tree(tree, pick, target, op));
  }
  return {};
}

Status CopyPlan::add_unpacked(const std::string& destination, SourceTree& tree,
                              const std::set<std::string>& implied) {
  // --chmod is for what is copied as it is; an archive says itself what modes its entries have.
  std::optional<dockerfile::Chmod> chmod = std::exchange(chmod_, std::nullopt);
  Status done = unpack_over(destination, tree, implied);
  chmod_ = std::move(chmod);
  return done;
}

Status CopyPlan::unpack_over(const std::string& destination, SourceTree& tree,
                             const std::set<std::string>& implied) {
  ASSIGN_OR_RETURN(const layer::ResolvedPath directory, resolve(destination));
  RETURN_IF_ERROR(make_directories(directory.path, kNewDirectoryMode, chown_));
  return tree.view().walk("", [&](const layer::ViewEntry& found) -> Status {
    if (found.entry->path.empty() || implied.contains(found.entry->path)) return {};
    new_directory_time_ = {found.entry->mtime_s, found.entry->mtime_ns};
    // Names lead through links that the image has; to these, the destination is the root.
    ASSIGN_OR_RETURN(const layer::ResolvedPath parent,
                     resolve("/" + std::string(parent_of(found.entry->path)), directory.path));
    RETURN_IF_ERROR(make_directories(parent.path, kNewDirectoryMode, std::nullopt));
    const std::string target = join(parent.path, found.entry->name());
    const layer::Entry* there = existing(target);
    const bool replaces = there != nullptr && (there->is_directory() != found.entry->is_directory());
    if (replaces) {
      // The old thing goes with all that was planned below it; in lower layers the new entry hides it.
      const std::string below = target + "/";
      for (auto at = entries_.lower_bound(target);
           at != entries_.end() && (at->first == target || at->first.starts_with(below));) {
        hand_on_links(at->first);
        at = entries_.erase(at);
      }
      PlannedEntry planned;
      planned.entry = *found.entry;
      planned.entry.path = target;
      planned.entry.hard_link_of.clear();
      planned.entry.opaque = false;
      decorate(planned.entry);
      planned.tree = &tree;
      planned.from = found;
      entries_.insert_or_assign(target, std::move(planned));
      return {};
    }
    return put(tree, found, target, false);
  });
}

Status CopyPlan::add_directory(const std::string& path, Owner owner) {
  ASSIGN_OR_RETURN(const layer::ResolvedPath resolved, resolve(path));
  if (resolved.exists() && resolved.entry && !resolved.entry->entry->is_directory())
    return fail(ErrorKind::kDockerfile, fmt::format("cannot make the directory '{}': a {} is there", path,
                                                    layer::entry_type_name(resolved.entry->entry->type)));
  if (resolved.exists()) return {};
  return make_directories(resolved.path, kNewDirectoryMode, owner);
}

Status CopyPlan::add_mount_point(const std::string& path, bool is_directory) {
  ASSIGN_OR_RETURN(const layer::ResolvedPath resolved, resolve(path));
  if (resolved.exists()) return {};
  if (is_directory) return make_directories(resolved.path, kNewDirectoryMode, std::nullopt);
  RETURN_IF_ERROR(make_directories(std::string(parent_of(resolved.path)), kNewDirectoryMode, std::nullopt));
  PlannedEntry planned;
  planned.entry.path = resolved.path;
  planned.entry.mode = 0644;
  planned.entry.mtime_s = std::time(nullptr);
  entries_.insert_or_assign(resolved.path, std::move(planned));
  return {};
}

}  // namespace shale::build
