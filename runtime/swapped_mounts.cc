// SPDX-License-Identifier: Apache-2.0
#include "runtime/swapped_mounts.h"

#include <sys/sysmacros.h>

#include <utility>

#include "runtime/device_links.h"
#include "runtime/kernel.h"
#include "runtime/mount_targets.h"
#include "runtime/report.h"

namespace shale::runtime {

namespace {

bool same_inode(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// The directory of a descriptor's object and its name there, as the host names them: nothing of the tree runs
// yet that could change them.
std::pair<int, std::string> place_of(int fd, const std::string& target) {
  char path[4096];
  const ssize_t length = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
  if (length <= 1 || length == static_cast<ssize_t>(sizeof path))
    give_up(SetupStep::kMountTarget, length < 0 ? errno : ENAMETOOLONG, target);
  const std::string whole(path, static_cast<std::size_t>(length));
  const std::size_t slash = whole.rfind('/');
  std::string name = whole.substr(slash + 1);
  const int parent = ::open(slash == 0 ? "/" : whole.substr(0, slash).c_str(),
                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  struct stat named;
  struct stat opened;
  if (parent < 0 || ::fstatat(parent, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0 ||
      ::fstat(fd, &opened) != 0 || !same_inode(named, opened))
    give_up(SetupStep::kMountTarget, ESTALE, target);
  return {parent, std::move(name)};
}

// Moving things in and out of a directory changes its time, which would be found in the layer.
class KeptTimes {
 public:
  explicit KeptTimes(int directory) : directory_(directory) { known_ = ::fstat(directory, &before_) == 0; }
  KeptTimes(const KeptTimes&) = delete;
  KeptTimes& operator=(const KeptTimes&) = delete;
  ~KeptTimes() {
    const struct timespec times[2] = {before_.st_mtim, before_.st_mtim};
    if (known_) (void)::futimens(directory_, times);
  }

 private:
  int directory_;
  bool known_ = false;
  struct stat before_{};
};

void make_device(int dev, const char* name, unsigned major_number, unsigned minor_number) {
  if (::mknodat(dev, name, S_IFCHR | 0666, makedev(major_number, minor_number)) != 0 ||
      ::fchmodat(dev, name, 0666, 0) != 0)
    give_up(SetupStep::kDevice, errno, std::string("/dev/") + name);
}

}  // namespace

SwappedMounts::Swap SwappedMounts::make_room(const std::string& target, bool links) {
  Swap swap;
  swap.target = target;
  const int found =
      links ? open_resolved(root_, target.c_str(), O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
            : open_resolved(root_, target.c_str() + 1, O_PATH | O_NOFOLLOW,
                            RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
  struct stat top;
  struct stat present;
  if (found < 0 || ::fstat(found, &present) != 0 || ::fstat(root_, &top) != 0)
    give_up(SetupStep::kMountTarget, errno, target);
  if (same_inode(top, present)) give_up(SetupStep::kMountTarget, ELOOP, target);
  auto [parent, name] = place_of(found, target);
  ::close(found);
  swap.parent = parent;
  swap.name = std::move(name);
  swap.aside = new_name("old");
  const KeptTimes kept(swap.parent);
  if (::renameat(swap.parent, swap.name.c_str(), scratch_, swap.aside.c_str()) != 0)
    give_up(SetupStep::kMount, errno, target);
  return swap;
}

void SwappedMounts::put(Swap swap, int from, const char* name) {
  const KeptTimes kept(swap.parent);
  if (::renameat(from, name, swap.parent, swap.name.c_str()) != 0)
    give_up(SetupStep::kMount, errno, swap.target);
  swap.object = ::openat(swap.parent, swap.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
  struct stat made;
  if (swap.object < 0 || ::fstat(swap.object, &made) != 0) give_up(SetupStep::kMount, errno, swap.target);
  swap.is_file = !S_ISDIR(made.st_mode);
  swaps_.push_back(std::move(swap));
}

int SwappedMounts::swap_in_dev() {
  const std::string made = new_name("dev");
  if (::mkdirat(scratch_, made.c_str(), 0755) != 0) give_up(SetupStep::kDev, errno, "/dev");
  const int dev = ::openat(scratch_, made.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dev < 0) give_up(SetupStep::kDev, errno, "/dev");
  make_device(dev, "null", 1, 3);
  make_device(dev, "zero", 1, 5);
  make_device(dev, "full", 1, 7);
  make_device(dev, "random", 1, 8);
  make_device(dev, "urandom", 1, 9);
  make_device(dev, "tty", 5, 0);
  make_device_links(dev);
  for (const auto& [name, mode] :
       {std::pair<const char*, mode_t>{"shm", 01777}, {"pts", 0755}, {"mqueue", 01777}})
    if (::mkdirat(dev, name, 0755) != 0 || ::fchmodat(dev, name, mode, 0) != 0)
      give_up(SetupStep::kDev, errno, std::string("/dev/") + name);
  // A device that was made need not be one that can be used: the mount may say nodev, the container no.
  const int null = ::openat(dev, "null", O_RDWR | O_CLOEXEC);
  if (null < 0) give_up(SetupStep::kDevice, errno, "/dev/null");
  ::close(dev);
  put(make_room("/dev", false), scratch_, made.c_str());
  return null;
}

void SwappedMounts::swap_in(const SandboxMount& mount) {
  // In /dev or in another mount: the image's mount point went aside with what that took the place of.
  for (const Swap& outer : swaps_)
    if (!outer.is_file && mount.target.starts_with(outer.target + "/"))
      make_target(outer.object, std::string_view(mount.target).substr(outer.target.size() + 1),
                  is_directory(mount));
  Swap swap = make_room(mount.target, true);
  if (mount.kind == SandboxMount::Kind::kBind) {
    auto [home, name] = place_of(mount.fd, mount.target);
    swap.home = home;
    swap.home_name = name;
    return put(std::move(swap), home, name.c_str());
  }
  const std::string made = new_name("new");
  if (mount.kind == SandboxMount::Kind::kTmpfs) {
    if (::mkdirat(scratch_, made.c_str(), 0700) != 0 ||
        ::fchmodat(scratch_, made.c_str(), mount.mode, 0) != 0)
      give_up(SetupStep::kMount, errno, mount.target);
    return put(std::move(swap), scratch_, made.c_str());
  }
  const int file =
      ::openat(scratch_, made.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) give_up(SetupStep::kFiles, errno, mount.target);
  for (std::size_t done = 0; done < mount.content.size();) {
    const ssize_t wrote = ::write(file, mount.content.data() + done, mount.content.size() - done);
    if (wrote < 0) give_up(SetupStep::kFiles, errno, mount.target);
    done += static_cast<std::size_t>(wrote);
  }
  // Owner before mode: chown(2) takes setuid bits away.
  if (::fchown(file, mount.uid, mount.gid) != 0 || ::fchmod(file, mount.mode) != 0)
    give_up(SetupStep::kFiles, errno, mount.target);
  ::close(file);
  put(std::move(swap), scratch_, made.c_str());
}

void SwappedMounts::undo(const Swap& swap) {
  struct stat object;
  struct stat present;
  if (::fstat(swap.object, &object) != 0) give_up(SetupStep::kUnmount, errno, swap.target);
  const bool there = ::fstatat(swap.parent, swap.name.c_str(), &present, AT_SYMLINK_NOFOLLOW) == 0;
  // A real mount cannot be moved or linked to. What a command does that with would be found in the layer: a
  // secret, say.
  const bool ours = there && same_inode(object, present);
  if ((!ours && object.st_nlink != 0) || (swap.is_file && object.st_nlink > 1))
    give_up(SetupStep::kUnmount, EBUSY, swap.target);
  const KeptTimes kept(swap.parent);
  if (ours && swap.is_file && swap.home < 0) {
    // A secret, perhaps: gone at once, not only when somebody clears what is set aside.
    if (::unlinkat(swap.parent, swap.name.c_str(), 0) != 0) give_up(SetupStep::kUnmount, errno, swap.target);
  } else if (there) {
    const bool home = swap.home >= 0 && S_ISDIR(present.st_mode) == !swap.is_file;
    const std::string gone = new_name("gone");
    if (::renameat(swap.parent, swap.name.c_str(), home ? swap.home : scratch_,
                   home ? swap.home_name.c_str() : gone.c_str()) != 0)
      give_up(SetupStep::kUnmount, errno, swap.target);
  } else if (swap.home >= 0 && !swap.is_file && ::mkdirat(swap.home, swap.home_name.c_str(), 0755) != 0) {
    // It removed the directory itself, which for a mount would have failed with its content gone.
    give_up(SetupStep::kUnmount, errno, swap.target);
  }
  // The directory may be gone together with what was mounted in it: then nobody misses what was there.
  if (::renameat(scratch_, swap.aside.c_str(), swap.parent, swap.name.c_str()) != 0 && errno != ENOENT)
    give_up(SetupStep::kUnmount, errno, swap.target);
}

void SwappedMounts::swap_out() {
  while (!swaps_.empty()) {
    undo(swaps_.back());
    swaps_.pop_back();
  }
}

}  // namespace shale::runtime
