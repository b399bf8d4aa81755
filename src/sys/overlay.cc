// SPDX-License-Identifier: Apache-2.0
#include "sys/overlay.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

#include "sys/files.h"

namespace shale::sys {

namespace {

constexpr std::size_t kMaxLowers = 500;         // OVL_MAX_STACK
constexpr std::size_t kMaxMountOptions = 4095;  // mount(2) takes one page

// -1 and errno if the kernel refuses.
int clone_tree(int fd) {
  return static_cast<int>(
      ::syscall(SYS_open_tree, fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
}

// What the kernel wrote about the last operations on a file system context: lines such as
// "e overlay: filesystem on /x not supported as upperdir".
std::string context_messages(int context) {
  std::string out;
  std::array<char, 1024> line{};
  for (int i = 0; i < 16; ++i) {
    const ssize_t got = ::read(context, line.data(), line.size());
    if (got <= 0) break;
    std::string_view text(line.data(), static_cast<std::size_t>(got));
    while (text.ends_with('\n')) text.remove_suffix(1);
    if (text.size() > 2 && text[1] == ' ') text.remove_prefix(2);
    out += (out.empty() ? "" : "; ") + std::string(text);
  }
  return out;
}

std::unexpected<Error> context_error(int context, int error, std::string what) {
  const std::string messages = context_messages(context);
  return fail_errno(error, messages.empty() ? std::move(what) : fmt::format("{} ({})", what, messages));
}

Result<UniqueFd> open_context() {
  UniqueFd context(static_cast<int>(::syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC)));
  if (!context) return fail_errno(errno, "open an overlay file system context");
  return context;
}

Status set_flag(int context, const char* key) {
  if (::syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, key, nullptr, 0) == 0) return {};
  return context_error(context, errno, fmt::format("set overlay option '{}'", key));
}

// A path by which the kernel finds an open directory, whatever the working directory is.
std::string name_of(int fd) { return fmt::format("/proc/self/fd/{}", fd); }

Status set_directory(int context, const char* key, int fd, const std::string& path, bool by_descriptor) {
  const long result =
      by_descriptor ? ::syscall(SYS_fsconfig, context, FSCONFIG_SET_FD, key, nullptr, fd)
                    : ::syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key, name_of(fd).c_str(), 0);
  if (result == 0) return {};
  return context_error(context, errno, fmt::format("set overlay {} '{}'", key, path));
}

struct OpenedSpec {
  std::vector<UniqueFd> lowers;
  UniqueFd upper;
  UniqueFd work;
};

Result<OpenedSpec> open_directories(const OverlaySpec& spec) {
  constexpr int kFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
  OpenedSpec opened;
  for (const std::string& lower : spec.lowers) {
    ASSIGN_OR_RETURN(UniqueFd fd, open_at(spec.dir, lower, kFlags));
    opened.lowers.push_back(std::move(fd));
  }
  if (!spec.upper.empty()) {
    ASSIGN_OR_RETURN(opened.upper, open_at(spec.dir, spec.upper, kFlags));
    ASSIGN_OR_RETURN(opened.work, open_at(spec.dir, spec.work, kFlags));
  }
  return opened;
}

// fsopen … fsmount: the mount exists nowhere but in the descriptor.
Result<UniqueFd> mount_detached(const OverlaySpec& spec, const OpenedSpec& opened, bool by_descriptor) {
  ASSIGN_OR_RETURN(const UniqueFd context, open_context());
  for (std::size_t i = 0; i < opened.lowers.size(); ++i)
    RETURN_IF_ERROR(
        set_directory(context.get(), "lowerdir+", opened.lowers[i].get(), spec.lowers[i], by_descriptor));
  if (opened.upper) {
    RETURN_IF_ERROR(set_directory(context.get(), "upperdir", opened.upper.get(), spec.upper, by_descriptor));
    RETURN_IF_ERROR(set_directory(context.get(), "workdir", opened.work.get(), spec.work, by_descriptor));
    RETURN_IF_ERROR(set_flag(context.get(), "volatile"));
  }
  RETURN_IF_ERROR(set_flag(context.get(), "userxattr"));
  if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return context_error(context.get(), errno, "mount an overlay");
  UniqueFd mount(static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0)));
  if (!mount) return context_error(context.get(), errno, "mount an overlay");
  return mount;
}

// mount(2), then a detached copy of the mount, then away with the attached one.
Result<UniqueFd> mount_and_detach(const OverlaySpec& spec, const OpenedSpec& opened) {
  // The names are links of /proc, so they need no escaping of ':' and ','.
  std::string options = "userxattr,lowerdir=";
  for (std::size_t i = 0; i < opened.lowers.size(); ++i)
    options += (i > 0 ? ":" : "") + name_of(opened.lowers[i].get());
  if (opened.upper)
    options += fmt::format(",upperdir={},workdir={},volatile", name_of(opened.upper.get()),
                           name_of(opened.work.get()));
  if (options.size() > kMaxMountOptions)
    return fail(
        Error(ErrorKind::kUnsupported, fmt::format("a stack of {} layers is too high for this kernel's mount "
                                                   "call",
                                                   opened.lowers.size()))
            .hint("Linux 6.8 and later take up to 500 layers; merge some RUN or COPY instructions"));
  RETURN_IF_ERROR(make_dir(spec.dir, spec.mount_point, 0700));
  ASSIGN_OR_RETURN(const UniqueFd target,
                   open_at(spec.dir, spec.mount_point, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  const std::string target_name = name_of(target.get());
  if (::mount("overlay", target_name.c_str(), "overlay", 0, options.c_str()) != 0)
    return fail_errno(errno, fmt::format("mount an overlay of {} layers", opened.lowers.size()));
  // `target` still names the directory below the mount; opened anew it is the mount's root.
  Result<UniqueFd> mounted = open_at(spec.dir, spec.mount_point, O_PATH | O_DIRECTORY);
  if (!mounted) return mounted;
  UniqueFd copy(clone_tree(mounted->get()));
  const int error = errno;
  if (::umount2(name_of(mounted->get()).c_str(), MNT_DETACH) != 0)
    return fail_errno(errno, "detach an overlay");
  if (!copy) return fail_errno(error, "take a detached overlay");
  return copy;
}

// The kernel does not know this way of handing over a layer: EINVAL for an unknown key or type of value,
// EOPNOTSUPP for descriptors before Linux 6.5, ENOSYS and EPERM where the calls are missing or filtered.
bool is_unknown_way(const Error& error) {
  switch (error.errno_value()) {
    case EINVAL:
    case EOPNOTSUPP:
    case ENOSYS:
    case EPERM:
    case EBADF:
      return true;
    default:
      return false;
  }
}

}  // namespace

Result<UniqueFd> mount_overlay(const OverlaySpec& spec) {
  using Method = OverlaySpec::Method;
  if (spec.lowers.empty() || spec.lowers.size() > kMaxLowers)
    return fail(ErrorKind::kUnsupported, fmt::format("an overlay has 1 to {} lower directories, not {}",
                                                     kMaxLowers, spec.lowers.size()));
  ASSIGN_OR_RETURN(const OpenedSpec opened, open_directories(spec));
  switch (spec.method) {
    case Method::kDescriptors:
      return mount_detached(spec, opened, true);
    case Method::kPaths:
      return mount_detached(spec, opened, false);
    case Method::kMount:
      return mount_and_detach(spec, opened);
    case Method::kAuto:
      break;
  }
  // What this kernel took the last time is tried first: each way that it does not know leaves a line in its
  // log.
  static std::atomic<Method> taken = Method::kDescriptors;
  if (taken == Method::kMount && !spec.mount_point.empty())
    if (Result<UniqueFd> attached = mount_and_detach(spec, opened)) return attached;
  Result<UniqueFd> mount = mount_detached(spec, opened, true);
  if (mount || !is_unknown_way(mount.error())) return mount;
  // The first error is the newest kernel's and says most; it is kept if nothing else works.
  Result<UniqueFd> by_path = mount_detached(spec, opened, false);
  if (by_path) return by_path;
  if (spec.mount_point.empty()) return mount;
  Result<UniqueFd> attached = mount_and_detach(spec, opened);
  if (!attached) return mount;
  taken = Method::kMount;
  return attached;
}

Result<UniqueFd> clone_part(int mount, int part, int dir, const std::string& mount_point) {
  UniqueFd out(clone_tree(part));
  if (out) return out;
  if (errno != EINVAL) return fail_errno(errno, "clone a part of a mount");
  return clone_attached_part(mount, part, dir, mount_point);
}

Result<UniqueFd> clone_attached_part(int mount, int part, int dir, const std::string& mount_point) {
  RETURN_IF_ERROR(make_dir(dir, mount_point, 0700));
  if (::syscall(SYS_move_mount, mount, "", dir, mount_point.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return fail_errno(errno, "attach a mount to clone a part of it");
  UniqueFd out(clone_tree(part));
  const int error = errno;
  if (::umount2(name_of(mount).c_str(), MNT_DETACH) != 0)
    return fail_errno(errno, "detach a mount that a part was cloned of");
  if (!out) return fail_errno(error, "clone a part of a mount");
  return out;
}

Result<UniqueFd> clone_mount(int dir, const std::string& path, bool read_only) {
  UniqueFd mount(static_cast<int>(::syscall(SYS_open_tree, dir, path.c_str(),
                                            OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW)));
  if (!mount) return fail_errno(errno, fmt::format("make a bind mount of '{}'", path));
  if (!read_only) return mount;
  struct mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (::syscall(SYS_mount_setattr, mount.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0)
    return fail_errno(errno, fmt::format("make the bind mount of '{}' read-only", path));
  return mount;
}

}  // namespace shale::sys
