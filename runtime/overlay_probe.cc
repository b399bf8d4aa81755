// SPDX-License-Identifier: Apache-2.0
#include "runtime/overlay_probe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "sys/files.h"
#include "sys/overlay.h"

namespace shale::runtime {

namespace {

Status make_dirs(const std::string& scratch, std::initializer_list<const char*> names) {
  for (const char* name : names) RETURN_IF_ERROR(sys::make_dir(AT_FDCWD, scratch + "/" + name, 0755, true));
  return {};
}

// An overlay's root, whose directory "merged" was removed and made again.
Result<UniqueFd> mount_and_use(const std::string& scratch, std::vector<std::string> lowers,
                               const std::string& upper, std::string what) {
  ASSIGN_OR_RETURN(const UniqueFd dir, sys::open_at(AT_FDCWD, scratch, O_RDONLY | O_DIRECTORY));
  sys::OverlaySpec spec;
  spec.dir = dir.get();
  spec.lowers = std::move(lowers);
  spec.upper = upper + "upper";
  spec.work = upper + "work";
  spec.mount_point = "mount";
  Result<UniqueFd> mount = sys::mount_overlay(spec);
  if (!mount) {
    Error error = Error::system(mount.error().errno_value(), std::move(what));
    error.add_hint("trying it: " + mount.error().to_line());
    return fail(std::move(error));
  }
  if (::unlinkat(mount->get(), "merged", AT_REMOVEDIR) != 0 || ::mkdirat(mount->get(), "merged", 0755) != 0)
    return fail_errno(errno, "remove and make again a directory on overlayfs");
  return mount;
}

// As layers record them: by a device, or where none can be made by an empty file with an attribute.
Status record_deletion(const std::string& layer, const char* name) {
  const std::string path = layer + "/" + name;
  if (::mknod(path.c_str(), S_IFCHR, makedev(0, 0)) == 0) return {};
  ASSIGN_OR_RETURN(const UniqueFd file, sys::open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  RETURN_IF_ERROR(sys::set_xattr(file.get(), "user.overlay.whiteout", "y"));
  ASSIGN_OR_RETURN(const UniqueFd dir, sys::open_at(AT_FDCWD, layer, O_RDONLY | O_DIRECTORY));
  return sys::set_xattr(dir.get(), "user.overlay.opaque", "x");
}

}  // namespace

Status prepare_overlay(const std::string& scratch) {
  return make_dirs(scratch, {"lower/merged", "upper", "work"});
}

Status try_overlay(const std::string& scratch) {
  ASSIGN_OR_RETURN(UniqueFd mount,
                   mount_and_use(scratch, {"lower"}, "", "mount overlayfs on the store's file system"));
  (void)mount.release();  // to close it would take as long as to make it
  return {};
}

Status try_overlay_on_tmpfs(const std::string& scratch) {
  RETURN_IF_ERROR(
      make_dirs(scratch, {"bottom/merged", "bottom/gone", "bottom/dir/gone", "top/dir", "memory"}));
  const std::string memory = scratch + "/memory";
  if (::mount("tmpfs", memory.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") != 0)
    return fail_errno(errno, "mount a tmpfs for what overlayfs writes");
  const Status tried = [&]() -> Status {
    RETURN_IF_ERROR(record_deletion(scratch + "/top", "gone"));
    {
      ASSIGN_OR_RETURN(const UniqueFd replaced,
                       sys::open_at(AT_FDCWD, scratch + "/top/dir", O_RDONLY | O_DIRECTORY));
      RETURN_IF_ERROR(sys::set_xattr(replaced.get(), "user.overlay.opaque", "y"));
    }
    RETURN_IF_ERROR(make_dirs(memory, {"upper", "work"}));
    ASSIGN_OR_RETURN(const UniqueFd mount,
                     mount_and_use(scratch, {"top", "bottom"}, "memory/",
                                   "mount overlayfs with an upper directory in memory"));
    for (const char* name : {"gone", "dir/gone"})
      if (sys::exists_at(mount.get(), name))
        return fail(ErrorKind::kUnsupported,
                    "overlayfs does not see what layers delete on the store's file system");
    return {};
  }();
  if (::umount2(memory.c_str(), MNT_DETACH) != 0) return fail_errno(errno, "unmount a tmpfs");
  return tried;
}

}  // namespace shale::runtime
