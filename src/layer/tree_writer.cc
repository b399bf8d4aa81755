// SPDX-License-Identifier: Apache-2.0
// Creating the tree of a layer: openat2 beneath the root for directories, *at() calls with plain names for
// the rest.
#include "layer/tree_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sstream>

#include "base/path.h"
#include "layer/layer_stream.h"
#include "layer/overlay_encoding.h"
#include "layer/tar_reader.h"
#include "sys/files.h"

namespace shale::layer {
namespace {

std::string name_of(std::string_view path) { return std::string(path.substr(path.rfind('/') + 1)); }

std::array<timespec, 2> times_of(const Entry& entry) {
  timespec time{};
  time.tv_sec = entry.mtime_s;
  time.tv_nsec = static_cast<long>(entry.mtime_ns);
  return {time, time};
}

std::unexpected<Error> fail_making(int errno_value, std::string_view path) {
  return fail_errno(errno_value, fmt::format("create '/{}' in the layer", shown(path)));
}

}  // namespace

Result<std::vector<IdMap::Range>> IdMap::read(const char* file) {
  std::vector<Range> ranges;
  ASSIGN_OR_RETURN(const std::string text, sys::read_file(AT_FDCWD, file));
  std::istringstream lines(text);
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
  while (lines >> inside >> outside >> count) ranges.push_back({inside, count});
  return ranges;
}

Result<IdMap> IdMap::of_process() {
  IdMap map;
  ASSIGN_OR_RETURN(map.uids_, read("/proc/self/uid_map"));
  ASSIGN_OR_RETURN(map.gids_, read("/proc/self/gid_map"));
  return map;
}

Status IdMap::check(const std::vector<Range>& ranges, std::int64_t id, std::string_view what,
                    std::string_view path) {
  std::string mapped;
  for (const Range& range : ranges) {
    const auto first = static_cast<std::int64_t>(range.first);
    if (id >= first && id - first < static_cast<std::int64_t>(range.count)) return {};
    if (!mapped.empty()) mapped += ", ";
    mapped += range.count == 1 ? fmt::to_string(range.first)
                               : fmt::format("{}-{}", range.first, range.first + range.count - 1);
  }
  Error error(ErrorKind::kUnsupported,
              fmt::format("'/{}' belongs to {} {}, which is not mapped here (mapped: {})", shown(path), what,
                          id, mapped));
  if (id >= 0 && id <= 0xfffffffe) {
    error.add_hint(fmt::format("give your user subordinate ids that reach {} (/etc/sub{}, at least {} ids)",
                               id, what, id));
  }
  return fail(std::move(error));
}

Result<int> TreeWriter::parent(std::string_view path) {
  const std::string_view wanted = parent_of(path);
  if (!parent_ || wanted != parent_path_) {
    ASSIGN_OR_RETURN(parent_, open_directory_beneath(root_fd_, wanted, O_RDONLY));
    parent_path_ = wanted;
  }
  return parent_.get();
}

Status TreeWriter::make_directory(std::string_view path) {
  ASSIGN_OR_RETURN(const int dir, parent(path));
  if (::mkdirat(dir, name_of(path).c_str(), 0700) != 0) return fail_making(errno, path);
  return {};
}

Result<UniqueFd> TreeWriter::make_file(std::string_view path) {
  ASSIGN_OR_RETURN(const int dir, parent(path));
  UniqueFd fd(
      ::openat(dir, name_of(path).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return fail_making(errno, path);
  return fd;
}

Status TreeWriter::set_xattrs(int fd, Entry& entry) {
  std::erase_if(entry.xattrs, [&](const EntryXattr& xattr) {
    const std::string name = xattr_name_on_disk(xattr.name);
    if (::fsetxattr(fd, name.c_str(), xattr.value.data(), xattr.value.size(), 0) == 0) return false;
    // An access control list names ids that a build with one id cannot write down; the layer has it
    // nevertheless.
    if (owners_ == OwnerEncoding::kAttributes && errno == EINVAL && name.starts_with("system.posix_acl_"))
      return false;
    // The file system has none of these, or this namespace may not set them: the content matters more.
    if (notes_.dropped_xattrs++ == 0)
      notes_.first_dropped_xattr = fmt::format("{} of '/{}'", shown(xattr.name), shown(entry.path));
    return true;
  });
  return {};
}

Status TreeWriter::finish_file(int fd, Entry& entry) {
  if (!own_files_) RETURN_IF_ERROR(give_to_owner(owners_, fd, entry));
  if (!own_files_) RETURN_IF_ERROR(set_xattrs(fd, entry));
  if (::fchmod(fd, entry.mode) != 0)
    return fail_errno(errno, fmt::format("set the mode of '/{}'", shown(entry.path)));
  if (::futimens(fd, times_of(entry).data()) != 0) {
    return fail_errno(errno, fmt::format("set the times of '/{}'", shown(entry.path)));
  }
  return {};
}

Status TreeWriter::finish_directory(Entry& entry) {
  ASSIGN_OR_RETURN(const UniqueFd fd, open_directory_beneath(root_fd_, entry.path, O_RDONLY));
  return finish_file(fd.get(), entry);
}

Status TreeWriter::make_special(const Entry& entry) {
  ASSIGN_OR_RETURN(const int dir, parent(entry.path));
  const std::string name = name_of(entry.path);
  const int made = entry.is_symlink() ? ::symlinkat(entry.link_target.c_str(), dir, name.c_str())
                                      : ::mkfifoat(dir, name.c_str(), entry.mode);
  if (made != 0) return fail_making(errno, entry.path);
  if (!own_files_) RETURN_IF_ERROR(give_to_owner_at(owners_, dir, name, entry));
  if (::utimensat(dir, name.c_str(), times_of(entry).data(), AT_SYMLINK_NOFOLLOW) != 0) {
    return fail_errno(errno, fmt::format("set the times of '/{}'", shown(entry.path)));
  }
  return {};
}

Status TreeWriter::make_hard_link(std::string_view existing, std::string_view path) {
  ASSIGN_OR_RETURN(const UniqueFd from, open_directory_beneath(root_fd_, parent_of(existing), O_PATH));
  ASSIGN_OR_RETURN(const int to, parent(path));
  if (::linkat(from.get(), name_of(existing).c_str(), to, name_of(path).c_str(), 0) != 0)
    return fail_making(errno, path);
  return {};
}

Status TreeWriter::make_whiteout(std::string_view path, bool& by_xattr) {
  ASSIGN_OR_RETURN(const int dir, parent(path));
  Status made = layer::make_whiteout(dir, name_of(path), by_xattr);
  if (!made) return fail(std::move(made.error()).context(fmt::format("while unpacking '/{}'", shown(path))));
  return made;
}

Status TreeWriter::mark_opaque(std::string_view directory) {
  ASSIGN_OR_RETURN(const UniqueFd fd, open_directory_beneath(root_fd_, directory, O_RDONLY));
  if (mark_directory(fd.get(), "y")) return {};
  Error error =
      Error::system(errno, fmt::format("mark '/{}' as replacing the directory below it", shown(directory)));
  if (errno == EOPNOTSUPP)
    error.add_hint("the store's file system must support extended attributes (user.*)");
  return fail(std::move(error));
}

Status TreeWriter::mark_xattr_whiteouts(std::string_view directory) {
  ASSIGN_OR_RETURN(const UniqueFd fd, open_directory_beneath(root_fd_, directory, O_RDONLY));
  if (mark_directory(fd.get(), "x")) return {};
  return fail_errno(errno, fmt::format("mark '/{}' as holding deletions", shown(directory)));
}

Status TreeWriter::remove(std::string_view path) {
  ASSIGN_OR_RETURN(const int dir, parent(path));
  RETURN_IF_ERROR(sys::remove_tree(dir, name_of(path)));
  parent_.reset();  // what it names may be gone now
  return {};
}

}  // namespace shale::layer
