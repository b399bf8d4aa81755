// SPDX-License-Identifier: Apache-2.0
// The extended attributes of overlayfs, told apart from those of the image; deletions.
#include "layer/overlay_encoding.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>

#include "runtime/emulation/owner_record.h"

namespace shale::layer {

bool is_layer_xattr(std::string_view name) {
  // A pax record cannot carry a key with '='.
  if (name.find('=') != std::string_view::npos) return false;
  // Owners that builds with one id keep there.
  if (name.starts_with(runtime::kPrivateXattrPrefix)) return false;
  if (name == "security.capability") return true;
  if (name == "system.posix_acl_access" || name == "system.posix_acl_default") return true;
  return name.starts_with("user.") && name.size() > std::string_view("user.").size();
}

std::vector<EntryXattr> xattrs_of_layer(const std::vector<sys::Xattr>& on_disk) {
  std::vector<EntryXattr> kept;
  for (const sys::Xattr& xattr : on_disk) {
    const std::string_view name = xattr.name;
    if (!is_layer_xattr(name)) continue;
    if (name.starts_with(kOverlayEscapedPrefix)) {
      kept.push_back(
          {std::string(kOverlayXattrPrefix) + std::string(name.substr(kOverlayEscapedPrefix.size())),
           xattr.value});
    } else if (!name.starts_with(kOverlayXattrPrefix)) {
      kept.push_back({xattr.name, xattr.value});
    }
  }
  std::sort(kept.begin(), kept.end());
  return kept;
}

std::string xattr_name_on_disk(std::string_view name) {
  if (!name.starts_with(kOverlayXattrPrefix)) return std::string(name);
  return std::string(kOverlayEscapedPrefix) + std::string(name.substr(kOverlayXattrPrefix.size()));
}

Status make_whiteout(int directory, const std::string& name, bool& by_attribute) {
  if (::mknodat(directory, name.c_str(), S_IFCHR, makedev(0, 0)) == 0) return {};
  const auto failed = [&name] { return fail_errno(errno, fmt::format("record the deletion of '{}'", name)); };
  if (errno != EPERM) return failed();  // below an overlay mount no such device can be made
  ASSIGN_OR_RETURN(const UniqueFd file,
                   sys::open_at(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  if (::fsetxattr(file.get(), std::string(kOverlayWhiteout).c_str(), "y", 1, 0) != 0) return failed();
  by_attribute = true;
  return {};
}

bool mark_directory(int directory, const char* value) {
  return ::fsetxattr(directory, std::string(kOverlayOpaque).c_str(), value, 1, 0) == 0;
}

std::string_view opaque_value(const std::vector<sys::Xattr>& on_disk) {
  for (const sys::Xattr& xattr : on_disk) {
    if (xattr.name == kOverlayOpaque) return xattr.value;
  }
  return {};
}

}  // namespace shale::layer
