// SPDX-License-Identifier: Apache-2.0
#include "sys/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "sys/random_name.h"

namespace shale::sys {

namespace {

// Paths in messages: outside names may hold anything, and a terminal must not act on it.
std::string in_quotes(std::string_view path) {
  std::string out = "'";
  for (char c : path) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out + "'";
}

Result<std::string> c_path(std::string_view path, const char* verb) {
  if (path.find('\0') != std::string_view::npos)
    return fail_errno(EINVAL, fmt::format("{} {}", verb, in_quotes(path)));
  return std::string(path);
}

Result<UniqueFd> open_how(int root, std::string_view path, int flags, mode_t mode, std::uint64_t resolve) {
  ASSIGN_OR_RETURN(const std::string name, c_path(path, "open"));
  struct open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  if ((flags & (O_CREAT | O_TMPFILE)) != 0) how.mode = mode;
  how.resolve = resolve;
  // EAGAIN means that a rename raced with the look-up of ".." (openat2(2)); the kernel asks to try again.
  constexpr int kTries = 128;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const long fd = ::syscall(SYS_openat2, root, name.empty() ? "." : name.c_str(), &how, sizeof how);
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    if (errno != EAGAIN && errno != EINTR) break;
  }
  return fail_errno(errno, fmt::format("open {}", in_quotes(path)));
}

std::string fd_path(int fd) { return fmt::format("/proc/self/fd/{}", fd); }

struct DirCloser {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

}  // namespace

Result<UniqueFd> open_at(int dir, std::string_view path, int flags, mode_t mode) {
  ASSIGN_OR_RETURN(const std::string name, c_path(path, "open"));
  int fd = -1;
  do fd = ::openat(dir, name.c_str(), flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  if (fd < 0) return fail_errno(errno, fmt::format("open {}", in_quotes(path)));
  return UniqueFd(fd);
}

Result<UniqueFd> open_in_root(int root, std::string_view path, int flags, mode_t mode) {
  return open_how(root, path, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
}

Result<UniqueFd> open_beneath(int root, std::string_view path, int flags, mode_t mode) {
  return open_how(root, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

Result<std::string> read_fd(int fd, std::string_view name, std::size_t limit) {
  std::string out;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, fmt::format("read {}", in_quotes(name)));
    if (got == 0) return out;
    if (out.size() + static_cast<std::size_t>(got) > limit)
      return fail(ErrorKind::kUnsupported,
                  fmt::format("{} is larger than the limit of {} bytes", in_quotes(name), limit));
    out.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

Result<std::string> read_file(int dir, std::string_view path, std::size_t limit) {
  // O_NONBLOCK: a fifo put in a file's place must not make us wait.
  ASSIGN_OR_RETURN(const UniqueFd fd, open_at(dir, path, O_RDONLY | O_NONBLOCK));
  ASSIGN_OR_RETURN(const struct stat info, stat_fd(fd.get()));
  if (S_ISDIR(info.st_mode)) return fail_errno(EISDIR, fmt::format("read {}", in_quotes(path)));
  return read_fd(fd.get(), path, limit);
}

Status write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) {
      // Somebody who has the same pipe or terminal made it non-blocking.
      struct pollfd room{.fd = fd, .events = POLLOUT, .revents = 0};
      if (::poll(&room, 1, -1) < 0 && errno != EINTR) return fail_errno(errno, "wait to write a file");
      continue;
    }
    if (put < 0) return fail_errno(errno, "write a file");
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Status replace_file(int dir, std::string_view path, std::string_view bytes, mode_t mode, bool durable) {
  const std::string temporary = fmt::format("{}.tmp-{}", path, random_name());
  ASSIGN_OR_RETURN(UniqueFd fd, open_at(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
  Status written = write_all(fd.get(), bytes);
  if (written && durable && ::fsync(fd.get()) != 0)
    written = fail_errno(errno, fmt::format("sync {}", in_quotes(path)));
  if (written) written = fd.close();
  if (written && ::renameat(dir, temporary.c_str(), dir, std::string(path).c_str()) != 0)
    written = fail_errno(errno, fmt::format("rename to {}", in_quotes(path)));
  if (!written) ::unlinkat(dir, temporary.c_str(), 0);
  return written;
}

Result<struct stat> stat_at(int dir, std::string_view path, bool follow_links) {
  ASSIGN_OR_RETURN(const std::string name, c_path(path, "stat"));
  struct stat info{};
  const int flags = (follow_links ? 0 : AT_SYMLINK_NOFOLLOW) | (name.empty() ? AT_EMPTY_PATH : 0);
  if (::fstatat(dir, name.c_str(), &info, flags) != 0)
    return fail_errno(errno, fmt::format("stat {}", in_quotes(path)));
  return info;
}

Result<struct stat> stat_fd(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return fail_errno(errno, "stat an open file");
  return info;
}

bool exists_at(int dir, std::string_view path) { return stat_at(dir, path).has_value(); }

Result<std::string> read_link(int dir, std::string_view path) {
  ASSIGN_OR_RETURN(const std::string name, c_path(path, "read the link"));
  std::string target(4096, '\0');  // PATH_MAX: the kernel keeps no longer target
  const ssize_t length = ::readlinkat(dir, name.c_str(), target.data(), target.size());
  if (length < 0) return fail_errno(errno, fmt::format("read the link {}", in_quotes(path)));
  target.resize(static_cast<std::size_t>(length));
  return target;
}

Status make_dir(int dir, std::string_view path, mode_t mode, bool parents) {
  ASSIGN_OR_RETURN(const std::string name, c_path(path, "make the directory"));
  if (::mkdirat(dir, name.c_str(), mode) == 0) return {};
  const int error = errno;
  if (error == EEXIST) {
    ASSIGN_OR_RETURN(const struct stat info, stat_at(dir, path, true));
    if (S_ISDIR(info.st_mode)) return {};
  }
  const std::size_t slash = name.find_last_of('/');
  if (error == ENOENT && parents && slash != std::string::npos && slash > 0) {
    RETURN_IF_ERROR(make_dir(dir, name.substr(0, slash), mode, true));
    return make_dir(dir, path, mode, false);
  }
  return fail_errno(error, fmt::format("make the directory {}", in_quotes(path)));
}

Result<std::vector<std::string>> list_dir(int dir_fd) {
  ASSIGN_OR_RETURN(UniqueFd again, open_at(dir_fd, ".", O_RDONLY | O_DIRECTORY));
  const std::unique_ptr<DIR, DirCloser> dir(::fdopendir(again.get()));
  if (!dir) return fail_errno(errno, "list a directory");
  (void)again.release();  // owned by the DIR now
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) return fail_errno(errno, "list a directory");
  std::sort(names.begin(), names.end());
  return names;
}

Status remove_tree(int dir, std::string_view path) {
  ASSIGN_OR_RETURN(const std::string top, c_path(path, "remove"));
  if (::unlinkat(dir, top.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return fail_errno(errno, fmt::format("remove {}", in_quotes(path)));

  // A stack of open directories instead of recursion: a tree may be deeper than any C++ stack. Deep trees
  // would use up descriptors, so only the innermost ones stay open and a parent is found again through "..".
  struct Level {
    std::string name;  // in its parent
    std::vector<std::string> names;
    std::size_t next = 0;
  };
  const auto open_directory = [](int parent, const std::string& name) -> Result<UniqueFd> {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    Result<UniqueFd> fd = open_at(parent, name, kFlags);
    if (!fd && fd.error().errno_value() == EACCES) {
      (void)::fchmodat(parent, name.c_str(), 0700, 0);  // ours, but closed: the open below tells
      fd = open_at(parent, name, kFlags);
    }
    if (fd) {
      struct stat info{};
      if (::fstat(fd->get(), &info) == 0 && (info.st_mode & 0300) != 0300) (void)::fchmod(fd->get(), 0700);
    }
    return fd;
  };
  ASSIGN_OR_RETURN(UniqueFd current, open_directory(dir, top));
  ASSIGN_OR_RETURN(const struct stat top_info, stat_fd(current.get()));
  const dev_t device = top_info.st_dev;
  std::vector<Level> levels;
  ASSIGN_OR_RETURN(std::vector<std::string> names, list_dir(current.get()));
  levels.push_back({top, std::move(names), 0});
  while (true) {
    Level& level = levels.back();
    if (level.next == level.names.size()) {
      const std::string name = level.name;
      levels.pop_back();
      if (levels.empty()) break;
      ASSIGN_OR_RETURN(UniqueFd parent, open_at(current.get(), "..", O_RDONLY | O_DIRECTORY));
      current = std::move(parent);
      if (::unlinkat(current.get(), name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
        return fail_errno(errno, fmt::format("remove the directory {}", in_quotes(name)));
      continue;
    }
    const std::string name = level.names[level.next++];
    if (::unlinkat(current.get(), name.c_str(), 0) == 0 || errno == ENOENT) continue;
    if (errno != EISDIR && errno != EPERM)
      return fail_errno(errno, fmt::format("remove {}", in_quotes(name)));
    ASSIGN_OR_RETURN(UniqueFd child, open_directory(current.get(), name));
    ASSIGN_OR_RETURN(const struct stat info, stat_fd(child.get()));
    if (info.st_dev != device)
      return fail_errno(EXDEV, fmt::format("remove {} (a mount point)", in_quotes(name)));
    ASSIGN_OR_RETURN(std::vector<std::string> inner, list_dir(child.get()));
    current = std::move(child);
    levels.push_back({name, std::move(inner), 0});
  }
  if (::unlinkat(dir, top.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
    return fail_errno(errno, fmt::format("remove the directory {}", in_quotes(path)));
  return {};
}

Result<std::uint64_t> copy_data(int from, int to) {
  struct stat info{};
  if (::fstat(from, &info) == 0 && S_ISREG(info.st_mode) && ::lseek(from, 0, SEEK_CUR) == 0 &&
      ::ioctl(to, FICLONE, from) == 0)
    return static_cast<std::uint64_t>(info.st_size);
  std::uint64_t total = 0;
  bool ranged = true;
  std::vector<char> buffer;
  for (;;) {
    ssize_t got = 0;
    if (ranged) {
      got = ::copy_file_range(from, nullptr, to, nullptr, std::size_t{1} << 30, 0);
      if (got < 0 && errno != EINTR && total == 0) {
        ranged = false;  // other file systems, special files: EXDEV, EINVAL, EOPNOTSUPP
        continue;
      }
    } else {
      if (buffer.empty()) buffer.resize(std::size_t{256} << 10);
      got = ::read(from, buffer.data(), buffer.size());
      if (got > 0) RETURN_IF_ERROR(write_all(to, {buffer.data(), static_cast<std::size_t>(got)}));
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "copy a file");
    if (got == 0) {
      // copy_file_range says 0 for files of /proc and the like, which have bytes but no size.
      if (ranged && total == 0 && info.st_size == 0) {
        ranged = false;
        continue;
      }
      return total;
    }
    total += static_cast<std::uint64_t>(got);
  }
}

namespace {

Result<std::vector<Xattr>> list_xattrs_path(const std::string& path, bool follow) {
  std::vector<Xattr> out;
  const auto list = follow ? ::listxattr : ::llistxattr;
  const auto get = follow ? ::getxattr : ::lgetxattr;
  std::string names(1024, '\0');
  ssize_t length = 0;
  while ((length = list(path.c_str(), names.data(), names.size())) < 0 && errno == ERANGE)
    names.resize(names.size() * 4);
  if (length < 0) {
    if (errno == EOPNOTSUPP) return out;
    return fail_errno(errno, "list extended attributes");
  }
  for (std::size_t at = 0; at < static_cast<std::size_t>(length);) {
    std::string name = names.c_str() + at;
    at += name.size() + 1;
    std::string value(256, '\0');
    ssize_t size = 0;
    while ((size = get(path.c_str(), name.c_str(), value.data(), value.size())) < 0 && errno == ERANGE)
      value.resize(value.size() * 8);
    if (size < 0) {
      if (errno == ENODATA || errno == EOPNOTSUPP) continue;  // removed meanwhile, or not ours to see
      return fail_errno(errno, fmt::format("read the extended attribute {}", in_quotes(name)));
    }
    value.resize(static_cast<std::size_t>(size));
    out.push_back({std::move(name), std::move(value)});
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

Result<std::vector<Xattr>> list_xattrs(int fd) { return list_xattrs_path(fd_path(fd), true); }

Result<std::vector<Xattr>> list_xattrs_at(int dir, std::string_view path) {
  if (dir == AT_FDCWD) return list_xattrs_path(std::string(path), false);
  return list_xattrs_path(fmt::format("{}/{}", fd_path(dir), path), false);
}

Status set_xattr(int fd, const std::string& name, std::string_view value) {
  if (::setxattr(fd_path(fd).c_str(), name.c_str(), value.data(), value.size(), 0) != 0)
    return fail_errno(errno, fmt::format("set the extended attribute {}", in_quotes(name)));
  return {};
}

Status set_xattr_at(int dir, std::string_view path, const std::string& name, std::string_view value) {
  const std::string full = dir == AT_FDCWD ? std::string(path) : fmt::format("{}/{}", fd_path(dir), path);
  if (::lsetxattr(full.c_str(), name.c_str(), value.data(), value.size(), 0) != 0)
    return fail_errno(errno,
                      fmt::format("set the extended attribute {} of {}", in_quotes(name), in_quotes(path)));
  return {};
}

Result<TempDir> TempDir::create(std::string_view prefix) {
  const char* base = ::getenv("TMPDIR");
  std::string path = fmt::format("{}/{}XXXXXX", base != nullptr && *base != '\0' ? base : "/tmp", prefix);
  if (::mkdtemp(path.data()) == nullptr)
    return fail_errno(errno, fmt::format("make the directory {}", in_quotes(path)));
  return TempDir(std::move(path));
}
TempDir::TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}
TempDir& TempDir::operator=(TempDir&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}
TempDir::~TempDir() {
  if (!path_.empty())
    (void)remove_tree(AT_FDCWD, path_);  // best effort: it lies in a directory meant to be cleaned
}

}  // namespace shale::sys
