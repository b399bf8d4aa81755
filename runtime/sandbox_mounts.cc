// SPDX-License-Identifier: Apache-2.0
#include "runtime/sandbox_mounts.h"

#include <linux/magic.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>
#include <utility>

#include "runtime/device_links.h"
#include "runtime/emulation/owner_record.h"
#include "runtime/kernel.h"
#include "runtime/mount_targets.h"
#include "runtime/report.h"

namespace shale::runtime {

namespace {

struct Device {
  const char* name;
  unsigned minor_number;
  unsigned major_number;
  bool required;
};
// Character devices by number: a name in /dev may be anything (CVE-2025-31133).
constexpr std::array<Device, 6> kDevices = {{{"null", 3, 1, true},
                                             {"zero", 5, 1, true},
                                             {"full", 7, 1, true},
                                             {"random", 8, 1, true},
                                             {"urandom", 9, 1, true},
                                             {"tty", 0, 5, false}}};
constexpr std::size_t kNull = 0;  // its place in kDevices

constexpr std::uint64_t kKernelFs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

// In-root, as the image means its links, and never through a /proc link.
constexpr std::uint64_t kInRoot = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
// For names that nobody but us and the kernel made.
constexpr std::uint64_t kPlain = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

std::uint64_t attributes_of(const SandboxMount& mount) {
  return (mount.read_only ? MOUNT_ATTR_RDONLY : 0U) | (mount.nosuid ? MOUNT_ATTR_NOSUID : 0U) |
         (mount.nodev ? MOUNT_ATTR_NODEV : 0U) | (mount.noexec ? MOUNT_ATTR_NOEXEC : 0U);
}

using FsOption = std::pair<const char*, std::string>;

// A new instance of a file system as a detached mount; -1 and errno when the kernel refuses.
int new_filesystem(const char* type, std::initializer_list<FsOption> options, std::uint64_t attributes) {
  const int context = ::fsopen(type, FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  int mount = -1;
  // Programs that read /proc/mounts know it by this name.
  (void)::fsconfig(context, FSCONFIG_SET_STRING, "source", type, 0);
  bool good = true;
  for (const auto& [key, value] : options)
    good = good && ::fsconfig(context, FSCONFIG_SET_STRING, key, value.c_str(), 0) == 0;
  if (good && ::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0)
    mount = ::fsmount(context, FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes));
  const int error = errno;
  ::close(context);
  errno = error;
  return mount;
}

std::string octal(mode_t mode) {
  std::string text;
  for (; mode != 0; mode /= 8) text.insert(text.begin(), static_cast<char>('0' + mode % 8));
  return "0" + text;
}

// A directory directly below the root that must be what its name says: an image whose /proc is a link could
// send our mounts anywhere in it (CVE-2019-19921).
int system_directory(int root, const char* name, SetupStep step) {
  const int fd = open_resolved(root, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, kPlain);
  if (fd < 0 && !(errno == ENOENT && step == SetupStep::kSys)) give_up(step, errno, std::string("/") + name);
  return fd;
}

// Without a user namespace of its own, a command that is root can make any device: it shall not be able to
// use it.
std::uint64_t device_attributes(const SandboxSpec& spec) {
  return spec.isolation == Isolation::kMountNamespace ? MOUNT_ATTR_NODEV : 0;
}

void mount_proc(int root, const SandboxSpec& spec) {
  const int target = system_directory(root, "proc", SetupStep::kProc);
  // The one that is here shows the numbers of its own pid namespace; /proc/self is right in any. With what
  // covers parts of it, which is locked to it.
  const int proc = spec.bound_proc
                       ? ::open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)
                       : new_filesystem("proc", {}, kKernelFs);
  if (proc < 0 || attach_mount(proc, target) != 0) give_up(SetupStep::kProc, errno, "/proc");
  ::close(target);
  ::close(proc);
}

// A file system of its own in a new directory of /dev.
void mount_in_dev(int dev, const char* name, int mount) {
  if (mount < 0 || ::mkdirat(dev, name, 0755) != 0)
    give_up(SetupStep::kDev, errno, std::string("/dev/") + name);
  const int target = open_resolved(dev, name, O_PATH | O_DIRECTORY, kPlain);
  if (target < 0 || attach_mount(mount, target) != 0)
    give_up(SetupStep::kDev, errno, std::string("/dev/") + name);
  ::close(target);
  ::close(mount);
}

void make_dev_targets(int dev, const SandboxSpec& spec) {
  constexpr std::string_view kDev = "/dev/";
  for (const SandboxMount& mount : spec.mounts) {
    if (!mount.target.starts_with(kDev)) continue;
    make_target(dev, std::string_view(mount.target).substr(kDev.size()), is_directory(mount));
  }
}

void mount_dev(int root, const SandboxSpec& spec, const HostMounts& host, const MountOptions& options) {
  const int target = system_directory(root, "dev", SetupStep::kDev);
  // The devices on it are mounts of their own.
  const int dev = new_filesystem("tmpfs", {{"mode", "0755"}, {"size", "64k"}},
                                 MOUNT_ATTR_NOSUID | device_attributes(spec));
  if (dev < 0 || attach_mount(dev, target) != 0) give_up(SetupStep::kDev, errno, "/dev");
  ::close(target);
  for (std::size_t i = 0; i < kDevices.size(); ++i) {
    if (host.devices[i] < 0) continue;
    const int node =
        ::openat(dev, kDevices[i].name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (node < 0 || attach_mount(host.devices[i], node) != 0)
      give_up(SetupStep::kDev, errno, std::string("/dev/") + kDevices[i].name);
    ::close(node);
  }
  make_device_links(dev);

  // Group 5 is tty everywhere; without a mapping for it, terminals belong to the group of their user.
  const std::uint64_t pts = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
  mount_in_dev(dev, "pts",
               options.tty_group
                   ? new_filesystem("devpts", {{"ptmxmode", "0666"}, {"mode", "0620"}, {"gid", "5"}}, pts)
                   : new_filesystem("devpts", {{"ptmxmode", "0666"}, {"mode", "0620"}}, pts));
  // The caller's own takes its place: under it nobody would see ours, but /proc/mounts would list both.
  const bool has_shm = std::any_of(spec.mounts.begin(), spec.mounts.end(),
                                   [](const SandboxMount& mount) { return mount.target == "/dev/shm"; });
  if (!has_shm)
    mount_in_dev(
        dev, "shm",
        new_filesystem("tmpfs", {{"mode", "01777"}, {"size", std::to_string(spec.shm_bytes)}}, kKernelFs));
  if (const int queue = new_filesystem("mqueue", {}, kKernelFs); queue >= 0)
    mount_in_dev(dev, "mqueue", queue);
  else if (errno != ENODEV)  // a kernel without POSIX message queues
    give_up(SetupStep::kDev, errno, "/dev/mqueue");
  make_dev_targets(dev, spec);
  ::close(dev);
}

// Read-only, and only if it can be had: few programs need it, and every container runtime may lack it.
bool mount_sys(int root, const MountOptions& options) {
  const int target = system_directory(root, "sys", SetupStep::kSys);
  if (target < 0) return false;
  int sys = -1;
  if (options.own_network) sys = new_filesystem("sysfs", {}, kKernelFs | MOUNT_ATTR_RDONLY);
  if (sys < 0) {
    // Recursively, because the mounts on it are locked to it: the kernel does not uncover for us what they
    // cover.
    sys = ::open_tree(AT_FDCWD, "/sys", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (sys >= 0 && set_mount_attributes(sys, MOUNT_ATTR_RDONLY | kKernelFs, true) != 0) {
      ::close(sys);
      sys = -1;
    }
  }
  const bool mounted = sys >= 0 && attach_mount(sys, target) == 0;
  ::close(target);
  if (sys >= 0) ::close(sys);
  return mounted;
}

// Writes every kFile mount's content into one tmpfs and attaches that over the old root, where nobody sees it
// and from where single files can be cloned. Returns its descriptor, -1 when there is nothing to write.
int make_files(const SandboxSpec& spec) {
  std::uint64_t bytes = 0;
  bool any = false;
  for (const SandboxMount& mount : spec.mounts) {
    if (mount.kind != SandboxMount::Kind::kFile) continue;
    any = true;
    bytes += (mount.content.size() / 4096 + 2) * 4096;
  }
  if (!any) return -1;
  const std::string size = std::to_string(bytes + 65536);
  // Without "noswap", which the kernel refuses to user namespaces.
  // No "noexec" for all of it: each file gets its own attributes, and a script is there to be run.
  const int files =
      new_filesystem("tmpfs", {{"mode", "0700"}, {"size", size}}, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  if (files < 0) give_up(SetupStep::kFiles, errno, "a tmpfs");
  for (std::size_t i = 0; i < spec.mounts.size(); ++i) {
    const SandboxMount& mount = spec.mounts[i];
    if (mount.kind != SandboxMount::Kind::kFile) continue;
    const int file =
        ::openat(files, std::to_string(i).c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (file < 0) give_up(SetupStep::kFiles, errno, mount.target);
    for (std::size_t done = 0; done < mount.content.size();) {
      const ssize_t wrote = ::write(file, mount.content.data() + done, mount.content.size() - done);
      if (wrote < 0) give_up(SetupStep::kFiles, errno, mount.target);
      done += static_cast<std::size_t>(wrote);
    }
    // Owner before mode: chown(2) takes setuid bits away.
    if (spec.emulate_ids)
      (void)write_owner(file, {.uid = mount.uid, .gid = mount.gid});  // a tmpfs before Linux 6.6 cannot
    else if (::fchown(file, mount.uid, mount.gid) != 0)
      give_up(SetupStep::kFiles, errno, mount.target);
    if (::fchmod(file, mount.mode) != 0) give_up(SetupStep::kFiles, errno, mount.target);
    ::close(file);
  }
  if (::move_mount(files, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0)
    give_up(SetupStep::kFiles, errno, "/");
  return files;
}

// Opens the target of a mount that lies in another one: the image's mount point is hidden there, so it is
// made in what hides it. -1 and errno if it does not lie in one.
int open_target_in_mount(int root, const SandboxMount& mount) {
  const std::string& path = mount.target;
  std::size_t end = path.size();
  int parent = -1;
  while (parent < 0) {
    end = path.rfind('/', end - 1);
    if (end == 0 || end == std::string::npos) return -1;
    parent = open_resolved(root, path.substr(0, end).c_str(), O_PATH | O_DIRECTORY, kInRoot);
    if (parent < 0 && errno != ENOENT) return -1;
  }
  struct statx top;
  struct statx found;
  const bool in_mount = ::statx(root, "", AT_EMPTY_PATH, STATX_MNT_ID, &top) == 0 &&
                        ::statx(parent, "", AT_EMPTY_PATH, STATX_MNT_ID, &found) == 0 &&
                        top.stx_mnt_id != found.stx_mnt_id;
  if (in_mount) make_target(parent, std::string_view(path).substr(end + 1), is_directory(mount));
  ::close(parent);
  return open_resolved(root, path.c_str(), O_PATH, kInRoot);
}

// The target of a mount, resolved once. What leads to the root itself or into /proc is refused: validate()
// saw only the name, an image's link can say something else.
int mount_target(int root, const SandboxMount& mount) {
  int target = open_resolved(root, mount.target.c_str(), O_PATH, kInRoot);
  if (target < 0 && errno == ENOENT) target = open_target_in_mount(root, mount);
  if (target < 0) give_up(SetupStep::kMountTarget, errno, mount.target);
  struct stat top;
  struct stat found;
  struct statfs filesystem;
  if (::fstat(root, &top) != 0 || ::fstat(target, &found) != 0 || ::fstatfs(target, &filesystem) != 0)
    give_up(SetupStep::kMountTarget, errno, mount.target);
  if ((top.st_dev == found.st_dev && top.st_ino == found.st_ino) || filesystem.f_type == PROC_SUPER_MAGIC)
    give_up(SetupStep::kMountTarget, ELOOP, mount.target);
  return target;
}

void mount_all(int root, const SandboxSpec& spec, const HostMounts& host, int files) {
  for (std::size_t i = 0; i < spec.mounts.size(); ++i) {
    const SandboxMount& mount = spec.mounts[i];
    const int target = mount_target(root, mount);
    int source = -1;
    switch (mount.kind) {
      case SandboxMount::Kind::kBind:
        source = host.binds[i];
        break;
      case SandboxMount::Kind::kTmpfs:
        source = mount.size_bytes == 0
                     ? new_filesystem("tmpfs", {{"mode", octal(mount.mode)}}, attributes_of(mount))
                     : new_filesystem(
                           "tmpfs", {{"mode", octal(mount.mode)}, {"size", std::to_string(mount.size_bytes)}},
                           attributes_of(mount));
        break;
      case SandboxMount::Kind::kFile:
        source = ::open_tree(files, std::to_string(i).c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
        // A file with an x bit is a script that is there to be run.
        if (source >= 0 && set_mount_attributes(source,
                                                MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                                    ((mount.mode & 0111) == 0 ? MOUNT_ATTR_NOEXEC : 0U),
                                                false) != 0)
          give_up(SetupStep::kMount, errno, mount.target);
        break;
    }
    if (source < 0 || attach_mount(source, target) != 0) give_up(SetupStep::kMount, errno, mount.target);
    ::close(source);
    ::close(target);
  }
}

// Opens a path below our /proc or /sys; -1 when this kernel has no such file. A link in its place would make
// the mask cover something else, so it is an error.
int kernel_path(int root, const std::string& path, bool have_sys, SetupStep step) {
  if (!have_sys && path.starts_with("/sys")) return -1;
  const int fd = open_resolved(root, path.c_str() + 1, O_PATH | O_NOFOLLOW, kPlain);
  if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != EACCES) give_up(step, errno, path);
  return fd;
}

void protect_paths(int root, const SandboxSpec& spec, int null_mount, bool have_sys) {
  int empty = -1;  // one empty directory for all masks, as each tmpfs costs a superblock
  for (const std::string& path : spec.masked_paths) {
    const int target = kernel_path(root, path, have_sys, SetupStep::kMaskPath);
    if (target < 0) continue;
    struct stat found;
    if (::fstat(target, &found) != 0) give_up(SetupStep::kMaskPath, errno, path);
    if (S_ISDIR(found.st_mode)) {
      const bool first = empty < 0;
      const int mask =
          first ? new_filesystem("tmpfs", {{"mode", "0555"}, {"size", "4k"}}, kKernelFs | MOUNT_ATTR_RDONLY)
                : ::open_tree(empty, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
      if (mask < 0 || attach_mount(mask, target) != 0) give_up(SetupStep::kMaskPath, errno, path);
      if (first)
        empty = mask;
      else
        ::close(mask);
    } else {
      const int mask = ::open_tree(null_mount, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
      if (mask < 0 || attach_mount(mask, target) != 0) give_up(SetupStep::kMaskPath, errno, path);
      ::close(mask);
    }
    ::close(target);
  }
  if (empty >= 0) ::close(empty);
  for (const std::string& path : spec.read_only_paths) {
    const int target = kernel_path(root, path, have_sys, SetupStep::kReadOnlyPath);
    if (target < 0) continue;
    const int copy =
        ::open_tree(target, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
    if (copy < 0 || set_mount_attributes(copy, MOUNT_ATTR_RDONLY | kKernelFs, true) != 0 ||
        attach_mount(copy, target) != 0)
      give_up(SetupStep::kReadOnlyPath, errno, path);
    ::close(copy);
    ::close(target);
  }
}

}  // namespace

HostMounts prepare_host_mounts(const SandboxSpec& spec) {
  HostMounts host;
  for (const Device& device : kDevices) {
    const std::string path = std::string("/dev/") + device.name;
    const int fd =
        ::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
    if (fd < 0 && device.required) give_up(SetupStep::kDevice, errno, path);
    struct stat found;
    if (fd >= 0 && (::fstat(fd, &found) != 0 || !S_ISCHR(found.st_mode) ||
                    found.st_rdev != makedev(device.major_number, device.minor_number)))
      give_up(SetupStep::kDevice, ENODEV, path);
    host.devices.push_back(fd);
  }
  host.null_fd = ::open("/dev/null", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  struct stat null;
  if (host.null_fd < 0 || ::fstat(host.null_fd, &null) != 0 || !S_ISCHR(null.st_mode) ||
      null.st_rdev != makedev(1, 3))
    give_up(SetupStep::kDevice, host.null_fd < 0 ? errno : ENODEV, "/dev/null");

  for (const SandboxMount& mount : spec.mounts) {
    if (mount.kind != SandboxMount::Kind::kBind) {
      host.binds.push_back(-1);
      continue;
    }
    const int bind = mount.detached ? mount.fd
                                    : ::open_tree(mount.fd, "",
                                                  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
                                                      (mount.recursive ? AT_RECURSIVE : 0U));
    if (bind < 0 || set_mount_attributes(bind, attributes_of(mount), mount.recursive) != 0)
      give_up(SetupStep::kBindSource, errno, mount.target);
    host.binds.push_back(bind);
  }
  return host;
}

namespace {

// Takes away what lies on the new root, which is the working directory: the old root, and on top of that
// whatever was stacked on the old "/" (our tmpfs of files; in a container perhaps more). One umount takes
// only the topmost of them, and what was left could be seen and entered by any path that goes up into "/"
// ("/dev/.."), so look instead of count.
void leave_old_root(int root) {
  constexpr int kDeepestStack = 64;
  struct stat wanted;
  if (::fstat(root, &wanted) != 0) give_up(SetupStep::kPivot, errno);
  for (int i = 0; i < kDeepestStack; ++i) {
    if (i > 0) {  // the old root is always there once
      struct stat seen;
      if (::fstatat(root, "dev/..", &seen, 0) != 0) give_up(SetupStep::kPivot, errno);
      if (seen.st_dev == wanted.st_dev && seen.st_ino == wanted.st_ino) return;
    }
    if (::umount2(".", MNT_DETACH) != 0) give_up(SetupStep::kPivot, errno);
  }
  give_up(SetupStep::kPivot, ELOOP);
}

// Docker's filter refuses pivot_root(2) even to those it lets mount. The new root lies on "/" already, as the
// topmost mount there, so that ".." of it leads back to it; what it covers could be reached only by taking it
// away, for which the command lacks the capability.
void cover_old_root() {
  if (::chroot(".") != 0) give_up(SetupStep::kPivot, errno);
}

}  // namespace

void build_root(const SandboxSpec& spec, const HostMounts& host, const MountOptions& options) {
  const int root = spec.root_fd;
  // Before the root is attached: both lie on "/", and the root must be on top to be pivoted to.
  const int files = make_files(spec);
  if (set_mount_attributes(root, device_attributes(spec), false) != 0 ||
      ::move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0)
    give_up(SetupStep::kAttachRoot, errno);
  // While the host's /proc and /sys are still in this namespace: the kernel lets a user namespace mount its
  // own only where a fully visible one is (mount_too_revealing).
  mount_proc(root, spec);
  mount_dev(root, spec, host, options);
  const bool have_sys = mount_sys(root, options);
  // After /dev, so that a mount can lie on /dev/shm; before the masks, so that no mount can cover one.
  mount_all(root, spec, host, files);
  protect_paths(root, spec, host.devices[kNull], have_sys);
  // Last: from here no name of the host exists. "." twice stacks the old root on the new one, so there is no
  // directory to make and none to peel off later.
  if (::fchdir(root) != 0) give_up(SetupStep::kPivot, errno);
  if (::syscall(SYS_pivot_root, ".", ".") == 0)
    leave_old_root(root);
  else if (errno == EPERM)
    cover_old_root();
  else
    give_up(SetupStep::kPivot, errno);
  if (::chdir("/") != 0) give_up(SetupStep::kPivot, errno);
}

}  // namespace shale::runtime
