// SPDX-License-Identifier: Apache-2.0
// Names and credentials of callers.
#include "runtime/emulation/session.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/kernel.h"

namespace shale::runtime {

namespace {

bool is_own_link(std::string_view path) {
  return path.starts_with("/proc/self/") || path.starts_with("/proc/thread-self/") || path == "/proc/self" ||
         path.starts_with("/dev/fd/") || path.starts_with("/dev/std");
}

OwnedFd open_path(int directory, const std::string& path, bool follow) {
  const std::uint64_t flags = O_PATH | (follow ? 0U : static_cast<unsigned>(O_NOFOLLOW));
  return OwnedFd(open_resolved(directory, path.c_str(), flags, RESOLVE_NO_MAGICLINKS));
}

}  // namespace

bool Session::enter(int root) {
  return ::fchdir(root) == 0 && ::chroot(".") == 0 && ::fchdir(fds.proc.get()) == 0;
}

bool Session::enter_root(const Caller& caller) {
  OwnedFd root = caller.root();
  if (!root || !enter(root.get())) return false;
  if (!root_) root_ = std::move(root);
  return true;
}

std::string Session::journal() {
  // The last caller may have had a root of its own, and names are told from ours.
  if (!root_ || !enter(root_.get())) return {};
  return owners.journal(root_.get());
}

const Credentials& Session::credentials_of_slack(std::uint64_t slack) const {
  const std::uint64_t number = slack - base_slack_;
  return table.at(number < table.size() ? number : 0);
}

const Credentials& Session::credentials(const Caller& caller) const {
  if (table.only_initial()) return table.at(0);
  return credentials_of_slack(slacks_.of(fds.proc.get(), caller.tid()).value_or(base_slack_));
}

bool Session::capable(const Caller& caller, const Credentials& credentials, int capability) const {
  if (!credentials.kept_capabilities) return credentials.user.effective == 0;
  return (caller.status_field("CapEff", 16).value_or(0) >> capability & 1U) != 0;
}

OwnerRecord Session::owner(int fd) {
  OwnerRecord record = owners.read(fd);
  if (!record.is_default() || all_root() || !in_proc(fd)) return record;
  if (const std::optional<std::uint64_t> slack = timer_slack_in(fd)) {
    const Credentials& process = credentials_of_slack(*slack);
    record = {.uid = process.user.effective, .gid = process.group.effective};
  }
  return record;
}

Answer Session::become(const Caller& caller, Credentials next) {
  if (next == credentials(caller)) return Answer::of(0);
  const std::optional<std::size_t> number = table.number_of(std::move(next));
  if (!number) return Answer::failure(EAGAIN);
  if (!caller.valid()) return Answer::failure(ESRCH);
  return caller.set_timer_slack(base_slack_ + *number) ? Answer::of(0) : Answer::failure(EPERM);
}

// "/proc/self/…" means us when we say it, and so do the links of /dev that lead there.
OwnedFd Session::open_own_link(const Caller& caller, std::string_view path, bool follow, bool& is_one) {
  std::string_view rest;
  if (path == "/dev/stdin" || path == "/dev/stdout" || path == "/dev/stderr") {
    is_one = true;
    if (!follow) return {};
    return caller.descriptor(path == "/dev/stdin" ? 0 : path == "/dev/stdout" ? 1 : 2);
  }
  std::string inside;
  for (const std::string_view prefix : {"/proc/self/", "/proc/thread-self/", "/dev/fd/"}) {
    if (!path.starts_with(prefix)) continue;
    is_one = true;
    inside = prefix == "/dev/fd/" ? "fd/" : "";
    rest = path.substr(prefix.size());
  }
  if (!is_one) return {};
  errno = ELOOP;  // what the caller would not get either: the kernel is to say it
  if (rest.starts_with("fd/")) {
    inside = "fd/";
    rest.remove_prefix(3);
  }
  const std::size_t slash = rest.find('/');
  const std::string_view name = rest.substr(0, slash);
  if (name.empty() || name == ".." || name == ".") return {};
  const bool link = inside == "fd/" || name == "cwd" || name == "root" || name == "exe";
  if (!link || (slash == std::string_view::npos && !follow)) return {};
  inside += name;
  OwnedFd at = caller.open_link(inside.c_str());
  if (!at || slash == std::string_view::npos) return at;
  rest.remove_prefix(slash);
  while (rest.starts_with('/')) rest.remove_prefix(1);
  return rest.empty() ? std::move(at) : open_path(at.get(), std::string(rest), follow);
}

OwnedFd Session::open(const Caller& caller, int directory, std::string_view path, bool follow) {
  if (path.empty()) {
    errno = ENOENT;
    return {};
  }
  if (other_roots_ && !enter_root(caller)) return {};
  if (path.front() == '/') {
    if (follow && path == "/proc/self") {
      const std::optional<pid_t> number = inner_pid_of(fds.proc.get(), caller.tid());
      return number ? open_path(AT_FDCWD, "/proc/" + std::to_string(*number), true) : OwnedFd();
    }
    bool own = false;
    OwnedFd link = open_own_link(caller, path, follow, own);
    return own ? std::move(link) : open_path(AT_FDCWD, std::string(path), follow);
  }
  const OwnedFd base = caller.directory(directory);
  return base ? open_path(base.get(), std::string(path), follow) : OwnedFd();
}

std::string Session::name_for_us(const Caller& caller, int directory, std::string_view path) const {
  if (path.starts_with('/')) return std::string(path);
  std::string name = std::to_string(caller.tid());
  name += directory == AT_FDCWD ? "/cwd" : "/fd/" + std::to_string(directory);
  if (!path.empty()) name += '/';
  return name += path;
}

bool Session::surely_roots(const Caller& caller, int directory, std::string_view path, bool follow) const {
  if (other_roots_ || !owners.only_attributes() || is_own_link(path)) return false;
  const std::string name = name_for_us(caller, directory, path);
  char text[kMaxOwnerText];
  const ssize_t size = follow ? ::getxattr(name.c_str(), kOwnerXattr, text, sizeof text)
                              : ::lgetxattr(name.c_str(), kOwnerXattr, text, sizeof text);
  if (size >= 0) return false;
  // What is not there for us is not there for the caller, or a link of /proc that open() does not follow
  // either.
  return errno == ENODATA || errno == ENOENT || errno == ENOTDIR || (errno == EOPNOTSUPP && all_root());
}

std::optional<mode_t> Session::quick_mode(const Caller& caller, int directory, std::string_view path,
                                          bool follow) const {
  if (other_roots_ || path.empty() || is_own_link(path)) return std::nullopt;
  struct stat info;
  const int flags = follow ? 0 : AT_SYMLINK_NOFOLLOW;
  if (::fstatat(AT_FDCWD, name_for_us(caller, directory, path).c_str(), &info, flags) == 0)
    return info.st_mode;
  if (errno == ENOENT || errno == ENOTDIR) return 0;
  return std::nullopt;
}

Session::Place Session::open_place(const Caller& caller, int directory, std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") {
    errno = EEXIST;
    return {};
  }
  std::string_view parent = ".";
  if (slash != std::string_view::npos) parent = slash == 0 ? "/" : path.substr(0, slash);
  return {open(caller, directory, parent, true), std::string(name)};
}

bool in_proc(int fd) {
  struct statfs file_system;
  return ::fstatfs(fd, &file_system) == 0 && file_system.f_type == PROC_SUPER_MAGIC;
}

bool decided_by_kernel(int fd, const struct stat& info, bool changes) {
  if (info.st_uid != 0) return true;
  struct statfs file_system;
  if (::fstatfs(fd, &file_system) != 0) return false;
  return file_system.f_type == PROC_SUPER_MAGIC || file_system.f_type == SYSFS_MAGIC ||
         (changes && (file_system.f_flags & ST_RDONLY) != 0);
}

bool permitted(Session& session, const Credentials& credentials, int fd, int wanted) {
  struct stat info;
  if (::fstat(fd, &info) != 0) return true;
  return credentials.permits(session.owners.read(fd), info.st_mode, wanted) ||
         decided_by_kernel(fd, info, S_ISDIR(info.st_mode) && (wanted & W_OK) != 0) ||
         ::getxattr(own_name(fd).c_str(), "system.posix_acl_access", nullptr, 0) > 0;
}

}  // namespace shale::runtime
