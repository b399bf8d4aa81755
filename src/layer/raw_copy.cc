// SPDX-License-Identifier: Apache-2.0
#include "layer/raw_copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "layer/overlay_encoding.h"
#include "runtime/emulation/owner_record.h"
#include "sys/files.h"

namespace shale::layer {

namespace {

// Empty for an attribute that does not come along.
std::string name_on_the_other_side(std::string_view name, CopyDirection direction) {
  // The owner, where a build has one id.
  if (name.starts_with(runtime::kPrivateXattrPrefix)) return std::string(name);
  if (!is_layer_xattr(name)) return {};  // labels of the host
  if (!name.starts_with(kOverlayXattrPrefix)) return std::string(name);
  if (direction == CopyDirection::kToLayer) return xattr_name_on_disk(name);
  if (!name.starts_with(kOverlayEscapedPrefix)) return {};
  if (direction == CopyDirection::kWithin) return std::string(name);
  return std::string(kOverlayXattrPrefix) + std::string(name.substr(kOverlayEscapedPrefix.size()));
}

Status copy_xattrs(const std::vector<sys::Xattr>& xattrs, int to, CopyDirection direction) {
  for (const sys::Xattr& xattr : xattrs) {
    const std::string name = name_on_the_other_side(xattr.name, direction);
    if (!name.empty()) RETURN_IF_ERROR(sys::set_xattr(to, name, xattr.value));
  }
  return {};
}

// A directory that is there already may have attributes that it is to have no more.
Status remove_others(const std::vector<sys::Xattr>& wanted, int to, CopyDirection direction) {
  ASSIGN_OR_RETURN(const std::vector<sys::Xattr> present, sys::list_xattrs(to));
  for (const sys::Xattr& xattr : present) {
    // Labels of the host stay, and so do the marks of overlayfs that a layer's directory has already.
    if (xattr.name.starts_with(kOverlayXattrPrefix) || name_on_the_other_side(xattr.name, direction).empty())
      continue;
    const bool stays = std::any_of(wanted.begin(), wanted.end(),
                                   [&](const sys::Xattr& one) { return one.name == xattr.name; });
    if (!stays && ::fremovexattr(to, xattr.name.c_str()) != 0)
      return fail_errno(errno, fmt::format("remove the attribute {} of a directory", xattr.name));
  }
  return {};
}

// Owner before mode and attributes: a change of owner clears set-id bits and file capabilities.
Status copy_metadata(const struct stat& status, const std::vector<sys::Xattr>& xattrs, int to,
                     CopyDirection direction, std::string_view name) {
  ASSIGN_OR_RETURN(const struct stat made, sys::stat_fd(to));
  if ((made.st_uid != status.st_uid || made.st_gid != status.st_gid) &&
      ::fchown(to, status.st_uid, status.st_gid) != 0)
    return fail_errno(errno, fmt::format("give the copy of '{}' its owner", name));
  if (::fchmod(to, status.st_mode & 07777U) != 0)
    return fail_errno(errno, fmt::format("set the mode of the copy of '{}'", name));
  RETURN_IF_ERROR(copy_xattrs(xattrs, to, direction));
  const struct timespec times[2] = {status.st_mtim, status.st_mtim};
  if (::futimens(to, times) != 0)
    return fail_errno(errno, fmt::format("set the times of the copy of '{}'", name));
  return {};
}

Status copy_file(int from, const std::string& name, int to, const std::string& new_name,
                 CopyDirection direction) {
  ASSIGN_OR_RETURN(const UniqueFd source, sys::open_at(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  ASSIGN_OR_RETURN(const struct stat status, sys::stat_fd(source.get()));
  ASSIGN_OR_RETURN(const std::vector<sys::Xattr> xattrs, sys::list_xattrs(source.get()));
  ASSIGN_OR_RETURN(const UniqueFd copy,
                   sys::open_at(to, new_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  if (status.st_size > 0) {
    if (Result<std::uint64_t> copied = sys::copy_data(source.get(), copy.get()); !copied)
      return fail(std::move(copied.error()).context(fmt::format("while copying '{}'", name)));
  }
  return copy_metadata(status, xattrs, copy.get(), direction, name);
}

}  // namespace

Status copy_node(int from, const std::string& name, const struct stat& status, int to,
                 const std::string& new_name, CopyDirection direction) {
  const mode_t type = status.st_mode & S_IFMT;
  if (type == S_IFREG) return copy_file(from, name, to, new_name, direction);
  if (type == S_IFLNK) {
    ASSIGN_OR_RETURN(const std::string target, sys::read_link(from, name));
    if (::symlinkat(target.c_str(), to, new_name.c_str()) != 0)
      return fail_errno(errno, fmt::format("make the link '{}'", new_name));
  } else if (::mknodat(to, new_name.c_str(), type | 0600U, status.st_rdev) != 0) {
    return fail_errno(errno, fmt::format("make '{}'", new_name));
  }
  ASSIGN_OR_RETURN(const struct stat made, sys::stat_at(to, new_name));
  if ((made.st_uid != status.st_uid || made.st_gid != status.st_gid) &&
      ::fchownat(to, new_name.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno(errno, fmt::format("give the copy of '{}' its owner", name));
  if (type != S_IFLNK && ::fchmodat(to, new_name.c_str(), status.st_mode & 07777U, 0) != 0)
    return fail_errno(errno, fmt::format("set the mode of the copy of '{}'", name));
  const struct timespec times[2] = {status.st_mtim, status.st_mtim};
  if (::utimensat(to, new_name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
    return fail_errno(errno, fmt::format("set the times of the copy of '{}'", name));
  return {};
}

Status copy_directory_metadata(int from, int to, CopyDirection direction) {
  ASSIGN_OR_RETURN(const struct stat status, sys::stat_fd(from));
  ASSIGN_OR_RETURN(const std::vector<sys::Xattr> xattrs, sys::list_xattrs(from));
  RETURN_IF_ERROR(remove_others(xattrs, to, direction));
  return copy_metadata(status, xattrs, to, direction, "a directory");
}

}  // namespace shale::layer
