// SPDX-License-Identifier: Apache-2.0
#include "layer/clone.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/path.h"
#include "layer/layer_stream.h"
#include "layer/raw_copy.h"
#include "sys/files.h"

namespace shale::layer {

namespace {

// The directory that neighbours share, kept open: entries come in order.
class ParentDirectory {
 public:
  explicit ParentDirectory(int root) : root_(root) {}
  Result<int> of(std::string_view path) {
    const std::string_view wanted = parent_of(path);
    if (!fd_ || wanted != path_) {
      ASSIGN_OR_RETURN(fd_, open_directory_beneath(root_, wanted, O_RDONLY));
      path_ = wanted;
    }
    return fd_.get();
  }
  void forget() { fd_.reset(); }

 private:
  int root_;
  std::string path_;
  UniqueFd fd_;
};

Status remove_children(int root, const std::string& path) {
  ASSIGN_OR_RETURN(const UniqueFd directory, open_directory_beneath(root, path, O_RDONLY));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, sys::list_dir(directory.get()));
  for (const std::string& name : names) RETURN_IF_ERROR(sys::remove_tree(directory.get(), name));
  return {};
}

bool later(const struct timespec& time, const struct timespec& than) {
  return time.tv_sec != than.tv_sec ? time.tv_sec > than.tv_sec : time.tv_nsec > than.tv_nsec;
}

}  // namespace

Status Clone::apply(const LayerManifest& manifest, int layer_dir, const std::atomic<bool>& stop) {
  ParentDirectory from(layer_dir);
  ParentDirectory to(tree_.get());
  std::vector<const Entry*> directories;
  for (const Entry& entry : manifest.entries()) {
    if (stop.load(std::memory_order_relaxed)) return fail(ErrorKind::kCancelled, "interrupted");
    if (entry.path.empty()) continue;
    // Devices are in no layer's directory, see TreeWriter.
    if (entry.type == EntryType::kCharDevice || entry.type == EntryType::kBlockDevice) continue;
    const std::string name(entry.name());
    ASSIGN_OR_RETURN(int parent, to.of(entry.path));
    struct stat present{};
    const bool exists = ::fstatat(parent, name.c_str(), &present, AT_SYMLINK_NOFOLLOW) == 0;
    if (entry.is_directory()) {
      directories.push_back(&entry);
      if (exists && S_ISDIR(present.st_mode)) {
        if (entry.opaque) RETURN_IF_ERROR(remove_children(tree_.get(), entry.path));
        continue;
      }
      if (exists && ::unlinkat(parent, name.c_str(), 0) != 0)
        return fail_errno(errno, fmt::format("replace '/{}' in a copy of its layers", entry.path));
      if (::mkdirat(parent, name.c_str(), 0700) != 0)
        return fail_errno(errno, fmt::format("make '/{}' in a copy of its layers", entry.path));
      continue;
    }
    if (exists) {
      RETURN_IF_ERROR(sys::remove_tree(parent, name));
      if (S_ISDIR(present.st_mode)) to.forget();
    }
    if (entry.is_whiteout()) continue;
    ASSIGN_OR_RETURN(parent, to.of(entry.path));
    if (!entry.hard_link_of.empty()) {
      ASSIGN_OR_RETURN(const UniqueFd first,
                       open_directory_beneath(tree_.get(), parent_of(entry.hard_link_of), O_PATH));
      const std::string first_name = entry.hard_link_of.substr(entry.hard_link_of.rfind('/') + 1);
      if (::linkat(first.get(), first_name.c_str(), parent, name.c_str(), 0) != 0)
        return fail_errno(errno, fmt::format("link '/{}' in a copy of its layers", entry.path));
      continue;
    }
    ASSIGN_OR_RETURN(const int source, from.of(entry.path));
    ASSIGN_OR_RETURN(const struct stat status, sys::stat_at(source, name));
    RETURN_IF_ERROR(copy_node(source, name, status, parent, name, CopyDirection::kFromLayer));
  }
  // From the inside out: what is made in a directory changes its times.
  for (auto entry = directories.rbegin(); entry != directories.rend(); ++entry) {
    ASSIGN_OR_RETURN(const UniqueFd source, open_directory_beneath(layer_dir, (*entry)->path, O_RDONLY));
    ASSIGN_OR_RETURN(const UniqueFd made, open_directory_beneath(tree_.get(), (*entry)->path, O_RDONLY));
    RETURN_IF_ERROR(copy_directory_metadata(source.get(), made.get(), CopyDirection::kFromLayer));
  }
  return copy_directory_metadata(layer_dir, tree_.get(), CopyDirection::kFromLayer);
}

Result<Clone::Known> Clone::look_at(int dir, const std::string& name) {
  struct statx status{};
  if (::statx(dir, name.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &status) != 0)
    return fail_errno(errno, fmt::format("examine '{}'", name));
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  Known known{.inode = status.stx_ino,
              .mode = status.stx_mode,
              .uid = status.stx_uid,
              .gid = status.stx_gid,
              .size = S_ISDIR(status.stx_mode) ? 0 : status.stx_size,
              .mtime = status.stx_mtime.tv_sec * kNanoseconds + status.stx_mtime.tv_nsec};
  if ((status.stx_mask & STATX_BTIME) != 0)
    known.birth = status.stx_btime.tv_sec * kNanoseconds + status.stx_btime.tv_nsec;
  if (S_ISDIR(status.stx_mode) || S_ISREG(status.stx_mode)) {
    ASSIGN_OR_RETURN(known.xattrs, sys::list_xattrs_at(dir, name));
  }
  return known;
}

Status Clone::begin() {
  known_.clear();
  std::vector<std::string> pending{""};
  while (!pending.empty()) {
    const std::string path = std::move(pending.back());
    pending.pop_back();
    ASSIGN_OR_RETURN(const UniqueFd directory, open_directory_beneath(tree_.get(), path, O_RDONLY));
    ASSIGN_OR_RETURN(const std::vector<std::string> names, sys::list_dir(directory.get()));
    for (const std::string& name : names) {
      std::string below = path.empty() ? name : path + "/" + name;
      ASSIGN_OR_RETURN(Known known, look_at(directory.get(), name));
      if (S_ISDIR(known.mode)) pending.push_back(below);
      known_.emplace(std::move(below), std::move(known));
    }
  }
  // Change times come from a clock that stands still between two ticks of the kernel, on some file systems
  // for longer.
  constexpr const char* kMark = "clock";
  constexpr int kMostTries = 3000;
  ASSIGN_OR_RETURN(const UniqueFd mark,
                   sys::open_at(scratch_.get(), kMark, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  ASSIGN_OR_RETURN(const struct stat before, sys::stat_fd(mark.get()));
  begun_ = before.st_ctim;
  for (int i = 0; i < kMostTries; ++i) {
    if (::futimens(mark.get(), nullptr) != 0) return fail_errno(errno, "set the time of a file of the store");
    ASSIGN_OR_RETURN(const struct stat now, sys::stat_fd(mark.get()));
    if (later(now.st_ctim, begun_)) {
      ::unlinkat(scratch_.get(), kMark, 0);
      return {};
    }
    ::usleep(1000);
  }
  return fail(ErrorKind::kSystem, "the clock of the store's file system stands still");
}

}  // namespace shale::layer
