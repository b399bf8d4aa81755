// SPDX-License-Identifier: Apache-2.0
#include "build/tree_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <tuple>
#include <utility>

#include "sys/files.h"

namespace shale::build {

namespace {

// What all names of one inode agree in, and few other files do.
using FileTraits = std::tuple<std::uint64_t, std::int64_t, std::uint32_t>;  // size, time

FileTraits traits_of(const layer::Entry& file) { return {file.size, file.mtime_s, file.mtime_ns}; }

// Of the files that `plan` could link to, those that a layer of `stack` may hold as well.
std::set<FileTraits> files_in_both(const CopyPlan& plan, const layer::SnapshotView& stack) {
  std::set<FileTraits> planned;
  for (const auto& [path, one] : plan.entries())
    if (one.entry.is_file() && one.from && one.tree->link_source(*one.from).first >= 0)
      planned.insert(traits_of(*one.from->entry));
  std::set<FileTraits> both;
  if (planned.empty()) return both;
  for (const auto& layer : stack.layers()) {
    if (!layer) continue;
    for (const layer::Entry& entry : layer->entries())
      if (entry.is_file() && planned.contains(traits_of(entry))) both.insert(traits_of(entry));
  }
  return both;
}

class TreeWriter {
 public:
  TreeWriter(int fs_fd, layer::OwnerEncoding owners, LinkPolicy links, std::set<FileTraits> never_linked)
      : fs_(fs_fd), owners_(owners), links_(links), never_linked_(std::move(never_linked)) {}

  Status write(const PlannedEntry& planned) {
    const layer::Entry& entry = planned.entry;
    RETURN_IF_ERROR(enter(entry.path));
    const std::string name(entry.name());
    switch (entry.type) {
      case layer::EntryType::kDirectory:
        if (::mkdirat(parent_.get(), name.c_str(), 0700) != 0 && errno != EEXIST)
          return failed(entry, "make");
        directories_.push_back(&planned.entry);
        return {};
      case layer::EntryType::kSymlink:
        if (::symlinkat(entry.link_target.c_str(), parent_.get(), name.c_str()) != 0)
          return failed(entry, "make");
        return finish_by_name(entry, name);
      case layer::EntryType::kFifo:
        if (::mkfifoat(parent_.get(), name.c_str(), 0600) != 0) return failed(entry, "make");
        return finish_by_name(entry, name);
      case layer::EntryType::kSocket:
        if (::mknodat(parent_.get(), name.c_str(), S_IFSOCK | 0600, 0) != 0) return failed(entry, "make");
        return finish_by_name(entry, name);
      case layer::EntryType::kCharDevice:
      case layer::EntryType::kBlockDevice:
        return {};  // no user namespace may make one; BuildKit's rootless mode leaves them out as well
      case layer::EntryType::kWhiteout:
        return {};
      case layer::EntryType::kFile:
        return file(planned, name);
    }
    return {};
  }

  // Directories last and from the inside out: making what is in them changes their times, and their mode may
  // forbid it.
  Status finish() {
    for (auto at = directories_.rbegin(); at != directories_.rend(); ++at) {
      const layer::Entry& entry = **at;
      ASSIGN_OR_RETURN(const UniqueFd fd, sys::open_beneath(fs_, entry.path, O_RDONLY | O_DIRECTORY));
      RETURN_IF_ERROR(finish_by_fd(entry, fd.get()));
    }
    return {};
  }

 private:
  std::unexpected<Error> failed(const layer::Entry& entry, const char* verb) const {
    return fail_errno(errno, fmt::format("{} '/{}' in the new layer", verb, entry.path));
  }

  // Keeps the directory of the last entry open: neighbours come one after the other.
  Status enter(const std::string& path) {
    const std::size_t slash = path.find_last_of('/');
    const std::string directory = slash == std::string::npos ? std::string() : path.substr(0, slash);
    if (parent_ && directory == parent_path_) return {};
    ASSIGN_OR_RETURN(parent_,
                     sys::open_beneath(fs_, directory.empty() ? "." : directory, O_RDONLY | O_DIRECTORY));
    parent_path_ = directory;
    return {};
  }

  Status file(const PlannedEntry& planned, const std::string& name) {
    const layer::Entry& entry = planned.entry;
    if (!entry.hard_link_of.empty()) {
      if (::linkat(fs_, entry.hard_link_of.c_str(), parent_.get(), name.c_str(), 0) != 0)
        return failed(entry, "link");
      return {};
    }
    if (planned.tree == nullptr) {  // an empty file: a mount point
      ASSIGN_OR_RETURN(const UniqueFd fd,
                       sys::open_at(parent_.get(), name, O_WRONLY | O_CREAT | O_EXCL, 0600));
      return finish_by_fd(entry, fd.get());
    }
    if (Result<bool> linked = try_link(planned, name); !linked || *linked) {
      if (!linked) return fail(std::move(linked.error()));
      return {};
    }
    ASSIGN_OR_RETURN(const UniqueFd from, planned.tree->open_file(*planned.from));
    ASSIGN_OR_RETURN(const struct stat before, sys::stat_fd(from.get()));
    if (!S_ISREG(before.st_mode))
      return fail(ErrorKind::kDockerfile,
                  fmt::format("'{}' of {} was replaced by something else than a file while it was copied",
                              planned.from->entry->path, planned.tree->name()));
    ASSIGN_OR_RETURN(const UniqueFd to, sys::open_at(parent_.get(), name, O_WRONLY | O_CREAT | O_EXCL, 0600));
    if (Result<std::uint64_t> copied = sys::copy_data(from.get(), to.get()); !copied)
      return fail(std::move(copied.error())
                      .context(fmt::format("while copying '{}' of {} to '/{}'", planned.from->entry->path,
                                           planned.tree->name(), entry.path)));
    return finish_by_fd(entry, to.get());
  }

  // True if a hard link did it.
  Result<bool> try_link(const PlannedEntry& planned, const std::string& name) {
    if (links_ == LinkPolicy::kNever) return false;
    const layer::Entry& entry = planned.entry;
    const layer::Entry& source = *planned.from->entry;
    const bool same = entry.uid == source.uid && entry.gid == source.gid && entry.mode == source.mode &&
                      entry.mtime_s == source.mtime_s && entry.mtime_ns == source.mtime_ns &&
                      entry.xattrs == source.xattrs;
    if (!same || never_linked_.contains(traits_of(source))) return false;
    const auto [directory, path] = planned.tree->link_source(*planned.from);
    if (directory < 0) return false;
    struct stat info{};
    if (::fstatat(directory, path.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode))
      return false;
    // The file itself, too: what a tree says of a file (a download's mode) need not be what lies there.
    if ((info.st_mode & 07777) != entry.mode || info.st_mtim.tv_sec != entry.mtime_s ||
        info.st_mtim.tv_nsec != static_cast<long>(entry.mtime_ns) ||
        !layer::belongs_to_owner(owners_, directory, path, info, entry))
      return false;
    // Two names that are different files in the image must not become one here, whatever they share in the
    // store.
    if (!linked_.insert({info.st_dev, info.st_ino}).second) return false;
    if (::linkat(directory, path.c_str(), parent_.get(), name.c_str(), 0) == 0) return true;
    switch (errno) {
      case EXDEV:   // another file system
      case EMLINK:  // ext4 stops at 65,000 names
      case EPERM:   // fs.protected_hardlinks
        return false;
      default:
        return failed(entry, "link");
    }
  }

  // Owner first: changing it clears set-id bits and file capabilities.
  Status finish_by_fd(const layer::Entry& entry, int fd) {
    RETURN_IF_ERROR(layer::give_to_owner(owners_, fd, entry));
    if (::fchmod(fd, entry.mode) != 0) return failed(entry, "set the mode of");
    for (const layer::EntryXattr& xattr : entry.xattrs)
      RETURN_IF_ERROR(sys::set_xattr(fd, xattr.name, xattr.value));
    const struct timespec times[2] = {{entry.mtime_s, entry.mtime_ns}, {entry.mtime_s, entry.mtime_ns}};
    if (::futimens(fd, times) != 0) return failed(entry, "set the time of");
    return {};
  }

  Status finish_by_name(const layer::Entry& entry, const std::string& name) {
    RETURN_IF_ERROR(layer::give_to_owner_at(owners_, parent_.get(), name, entry));
    if (!entry.is_symlink() && ::fchmodat(parent_.get(), name.c_str(), entry.mode, 0) != 0)
      return failed(entry, "set the mode of");
    const struct timespec times[2] = {{entry.mtime_s, entry.mtime_ns}, {entry.mtime_s, entry.mtime_ns}};
    if (::utimensat(parent_.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
      return failed(entry, "set the time of");
    return {};
  }

  const int fs_;
  const layer::OwnerEncoding owners_;
  const LinkPolicy links_;
  const std::set<FileTraits> never_linked_;
  UniqueFd parent_;
  std::string parent_path_;
  std::vector<const layer::Entry*> directories_;
  std::set<std::pair<dev_t, ino_t>> linked_;
};

}  // namespace

Status write_tree(const CopyPlan& plan, int fs_fd, layer::OwnerEncoding owners, LinkPolicy links,
                  const layer::SnapshotView* stack) {
  std::set<FileTraits> never_linked;
  if (stack != nullptr && links == LinkPolicy::kWherePossible) never_linked = files_in_both(plan, *stack);
  TreeWriter writer(fs_fd, owners, links, std::move(never_linked));
  for (const auto& [path, planned] : plan.entries())
    if (!path.empty()) RETURN_IF_ERROR(writer.write(planned));
  return writer.finish();
}

}  // namespace shale::build
