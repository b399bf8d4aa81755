// SPDX-License-Identifier: Apache-2.0
// What changed in a clone: one walk that asks stat for everything and reads only what is copied.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "layer/clone.h"
#include "layer/layer_stream.h"
#include "layer/overlay_encoding.h"
#include "layer/raw_copy.h"
#include "sys/file_digest.h"
#include "sys/files.h"

namespace shale::layer {

class CloneDiff {
 public:
  CloneDiff(const Clone& clone, int upper, const OwnersBeside& owners)
      : clone_(clone), upper_(upper), owners_(owners) {}

  Status run(const SnapshotView& below) {
    pending_.push_back({.path = "", .below = below.root(), .everything = false});
    while (!pending_.empty()) {
      const Frame frame = std::move(pending_.back());
      pending_.pop_back();
      RETURN_IF_ERROR(visit(frame));
    }
    // Children before their parents, whose times they change.
    for (auto path = directories_.rbegin(); path != directories_.rend(); ++path) {
      ASSIGN_OR_RETURN(const UniqueFd from, open_directory_beneath(clone_.fd(), *path, O_RDONLY));
      ASSIGN_OR_RETURN(const UniqueFd to, open_directory_beneath(upper_, *path, O_RDONLY));
      RETURN_IF_ERROR(copy_directory_metadata(from.get(), to.get(), CopyDirection::kToLayer));
    }
    ASSIGN_OR_RETURN(const UniqueFd root, open_directory_beneath(clone_.fd(), "", O_RDONLY));
    ASSIGN_OR_RETURN(const UniqueFd made, open_directory_beneath(upper_, "", O_RDONLY));
    return copy_directory_metadata(root.get(), made.get(), CopyDirection::kToLayer);
  }

 private:
  struct Frame {
    std::string path;
    SnapshotView::Directory below;
    bool everything = false;  // it was not here: nothing below it is unchanged, whatever its times say
  };

  bool changed(const struct stat& status) const {
    const struct timespec& time = status.st_ctim;
    const struct timespec& begun = clone_.begun_;
    return time.tv_sec != begun.tv_sec ? time.tv_sec > begun.tv_sec : time.tv_nsec > begun.tv_nsec;
  }

  static std::string join(const std::string& directory, std::string_view name) {
    return directory.empty() ? std::string(name) : fmt::format("{}/{}", directory, name);
  }

  // The directory in the upper tree, with those that lead to it.
  Status make_directory(const std::string& path) {
    if (path.empty() || directories_.contains(path)) return {};
    const std::size_t slash = path.rfind('/');
    if (slash != std::string::npos) RETURN_IF_ERROR(make_directory(path.substr(0, slash)));
    const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
    ASSIGN_OR_RETURN(const UniqueFd parent,
                     open_directory_beneath(upper_, path.substr(0, name == 0 ? 0 : slash), O_RDONLY));
    if (::mkdirat(parent.get(), path.c_str() + name, 0700) != 0) return failed("make", path);
    directories_.insert(path);
    return {};
  }

  static std::unexpected<Error> failed(const char* verb, std::string_view path) {
    return fail_errno(errno, fmt::format("{} '/{}' in the new layer", verb, path));
  }

  // A mark of overlayfs on a directory of the upper tree; false where the file system takes none.
  bool mark(const std::string& path, const char* value) const {
    const Result<UniqueFd> directory = open_directory_beneath(upper_, path, O_RDONLY);
    return directory && mark_directory(directory->get(), value);
  }

  Status visit(const Frame& frame) {
    ASSIGN_OR_RETURN(const UniqueFd directory, open_directory_beneath(clone_.fd(), frame.path, O_RDONLY));
    ASSIGN_OR_RETURN(const std::vector<std::string> names, sys::list_dir(directory.get()));
    for (const std::string& name : names) {
      ASSIGN_OR_RETURN(const struct stat status, sys::stat_at(directory.get(), name));
      if (S_ISDIR(status.st_mode))
        RETURN_IF_ERROR(enter(frame, directory.get(), name, status));
      else
        RETURN_IF_ERROR(visit_file(frame, directory.get(), name, status));
    }
    return add_whiteouts(frame, std::set<std::string, std::less<>>(names.begin(), names.end()));
  }

  Status enter(const Frame& frame, int directory, const std::string& name, const struct stat& status) {
    Frame next{.path = join(frame.path, name), .below = frame.below.subdirectory(name), .everything = false};
    const std::optional<ViewEntry> lower = frame.below.child(name);
    ASSIGN_OR_RETURN(const Clone::Known present, Clone::look_at(directory, name));
    const auto known = clone_.known_.find(next.path);
    const bool same_directory = !frame.everything && lower && lower->entry->is_directory() &&
                                known != clone_.known_.end() && known->second.inode == present.inode &&
                                known->second.birth == present.birth;
    if (!same_directory) {
      next.everything = true;
      RETURN_IF_ERROR(make_directory(next.path));
      // Where the file system takes no such mark, whiteouts for what is gone say the same.
      if (lower && lower->entry->is_directory() && mark(next.path, "y")) next.below = {};
    } else if (changed(status) && (known->second != present || given_away(*lower))) {
      RETURN_IF_ERROR(make_directory(next.path));
    }
    pending_.push_back(std::move(next));
    return {};
  }

  Status visit_file(const Frame& frame, int directory, const std::string& name, const struct stat& status) {
    if (!frame.everything && !changed(status)) {
      const std::optional<ViewEntry> lower = frame.below.child(name);
      if (lower && !lower->entry->is_directory()) return {};
    }
    ASSIGN_OR_RETURN(const bool same, same_but_for_its_time(frame, directory, name));
    if (same) return {};
    // Would be read as a whiteout.
    if (S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0)) return {};
    RETURN_IF_ERROR(make_directory(frame.path));
    ASSIGN_OR_RETURN(const UniqueFd to, open_directory_beneath(upper_, frame.path, O_RDONLY));
    if (status.st_nlink > 1) {
      const auto [first, fresh] =
          links_.try_emplace({status.st_dev, status.st_ino}, std::pair(frame.path, name));
      if (!fresh) {
        ASSIGN_OR_RETURN(const UniqueFd from, open_directory_beneath(upper_, first->second.first, O_PATH));
        if (::linkat(from.get(), first->second.second.c_str(), to.get(), name.c_str(), 0) != 0)
          return failed("link", join(frame.path, name));
        return {};
      }
    }
    return copy_node(directory, name, status, to.get(), name, CopyDirection::kToLayer);
  }

  // The disk does not say it where one id stands for all.
  [[nodiscard]] bool given_away(const ViewEntry& lower) const {
    const auto now = owners_.find(lower.entry->path);
    return now != owners_.end() &&
           (now->second.uid != lower.entry->uid || now->second.gid != lower.entry->gid);
  }

  // True for what is as it was, but for its change time. A file's other times can be put back: the bytes
  // decide.
  Result<bool> same_but_for_its_time(const Frame& frame, int directory, const std::string& name) {
    const auto known = clone_.known_.find(join(frame.path, name));
    if (frame.everything || known == clone_.known_.end()) return false;
    const std::optional<ViewEntry> lower = frame.below.child(name);
    if (!lower || lower->entry->is_directory()) return false;
    ASSIGN_OR_RETURN(const Clone::Known present, Clone::look_at(directory, name));
    if (present != known->second || given_away(*lower)) return false;
    if (!S_ISREG(present.mode) || present.size == 0) return true;
    const auto [seen, fresh] = same_content_.try_emplace(present.inode, false);
    if (!fresh) return seen->second;
    ASSIGN_OR_RETURN(const UniqueFd file, sys::open_at(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    ASSIGN_OR_RETURN(const Digest content, sys::digest_file(file.get(), fmt::format("'{}'", name)));
    seen->second = content == lower->entry->content;
    return seen->second;
  }

  Status add_whiteouts(const Frame& frame, const std::set<std::string, std::less<>>& names) {
    bool by_attribute = false;
    UniqueFd to;
    for (const ViewEntry& lower : frame.below.children()) {
      const EntryType type = lower.entry->type;
      if (names.contains(lower.entry->name())) continue;
      // Devices were never there.
      if (type == EntryType::kCharDevice || type == EntryType::kBlockDevice) continue;
      if (!to) {
        RETURN_IF_ERROR(make_directory(frame.path));
        ASSIGN_OR_RETURN(to, open_directory_beneath(upper_, frame.path, O_RDONLY));
      }
      RETURN_IF_ERROR(make_whiteout(to.get(), std::string(lower.entry->name()), by_attribute));
    }
    if (by_attribute && !mark_directory(to.get(), "x")) return failed("mark deletions in", frame.path);
    return {};
  }

  const Clone& clone_;
  int upper_;
  const OwnersBeside& owners_;
  std::vector<Frame> pending_;
  std::set<std::string> directories_;           // of the upper tree; a parent sorts before its children
  std::map<std::uint64_t, bool> same_content_;  // by inode
  // The directory and the name under which an inode is in the upper tree already.
  std::map<std::pair<dev_t, ino_t>, std::pair<std::string, std::string>> links_;
};

Status Clone::extract(const SnapshotView& below, int upper, const OwnersBeside& owners) const {
  return CloneDiff(*this, upper, owners).run(below);
}

}  // namespace shale::layer
