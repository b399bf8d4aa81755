// SPDX-License-Identifier: Apache-2.0
// One look at each directory is enough where all may go through all of them. Otherwise the way is walked,
// link by link, as the kernel does it.
#include "runtime/emulation/search.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace shale::runtime {

namespace {

constexpr mode_t kEverybodySearches = S_IXUSR | S_IXGRP | S_IXOTH;

// A name in a call's arguments. No address: none.
struct Name {
  std::uint64_t address = 0;
  int directory = AT_FDCWD;
  bool follow = true;
};

std::array<Name, 2> names_of(const Caller& caller) {
  const auto path = [&](unsigned at, bool follow) {
    return Name{.address = caller.argument(at), .follow = follow};
  };
  const auto in_directory = [&](unsigned at, bool follow) {
    return Name{.address = caller.argument(at + 1), .directory = caller.int_argument(at), .follow = follow};
  };
  const auto followed_unless = [&](unsigned flags, int flag) {
    return (caller.int_argument(flags) & flag) == 0;
  };
  switch (caller.row().call) {
    case Call::kStat:
    case Call::kChown:
    case Call::kCreat:
    case Call::kAccess:
    case Call::kChmod:
    case Call::kUtime:
    case Call::kUtimes:
    case Call::kTruncate:
    case Call::kChdir:
    case Call::kGetxattr:
    case Call::kSetxattr:
    case Call::kRemovexattr:
    case Call::kListxattr:
    case Call::kExecve:
    case Call::kChroot:
      return {path(0, true)};
    case Call::kLstat:
    case Call::kLchown:
    case Call::kMkdir:
    case Call::kMknod:
    case Call::kUnlink:
    case Call::kRmdir:
    case Call::kReadlink:
    case Call::kLgetxattr:
    case Call::kLsetxattr:
    case Call::kLremovexattr:
    case Call::kLlistxattr:
      return {path(0, false)};
    case Call::kOpen:
      return {path(0, followed_unless(1, O_NOFOLLOW))};
    case Call::kOpenat:
      return {in_directory(0, followed_unless(2, O_NOFOLLOW))};
    case Call::kOpenat2: {
      std::uint64_t flags = 0;  // the first member of struct open_how
      (void)caller.read(caller.argument(2), &flags, sizeof flags);
      return {in_directory(0, (flags & O_NOFOLLOW) == 0)};
    }
    case Call::kFstatat:
    case Call::kFchmodat2:
    case Call::kUtimensat:
      return {in_directory(0, followed_unless(3, AT_SYMLINK_NOFOLLOW))};
    case Call::kFaccessat:  // faccessat2 has flags, which faccessat leaves to chance: following finds more
    case Call::kFchmodat:
    case Call::kFutimesat:
      return {in_directory(0, true)};
    case Call::kStatx:
      return {in_directory(0, followed_unless(2, AT_SYMLINK_NOFOLLOW))};
    case Call::kFchownat:
    case Call::kExecveat:
      return {in_directory(0, followed_unless(4, AT_SYMLINK_NOFOLLOW))};
    case Call::kMkdirat:
    case Call::kMknodat:
    case Call::kUnlinkat:
    case Call::kReadlinkat:
      return {in_directory(0, false)};
    case Call::kSymlink:
      return {path(1, false)};
    case Call::kSymlinkat:
      return {in_directory(1, false)};
    case Call::kRename:
    case Call::kLink:
      return {path(0, false), path(1, false)};
    case Call::kRenameat:
      return {in_directory(0, false), in_directory(2, false)};
    case Call::kLinkat:
      return {in_directory(0, !followed_unless(4, AT_SYMLINK_FOLLOW)), in_directory(2, false)};
    default:
      return {};
  }
}

// Whether everybody may go through every directory that `path` names, up to one that is not there, and
// through no links. `start` is its directory as a name for us, with a slash, or empty.
bool surely_open(const std::string& start, const std::string& path, bool follow) {
  struct stat info;
  const auto look = [&](const std::string& name, int flags) {
    return ::fstatat(AT_FDCWD, name.c_str(), &info, flags) == 0;
  };
  const auto passes = [&] {
    return S_ISDIR(info.st_mode) && (info.st_mode & kEverybodySearches) == kEverybodySearches;
  };
  if (!start.empty() && (!look(start, 0) || !passes())) return false;
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    if (!look(start + path.substr(0, slash), AT_SYMLINK_NOFOLLOW)) return errno == ENOENT;
    if (!passes()) return false;
  }
  return !follow || !look(start + path, AT_SYMLINK_NOFOLLOW) || !S_ISLNK(info.st_mode);
}

// A way to a name, of which a part has been gone.
class Walk {
 public:
  Walk(Session& session, const Credentials& credentials, OwnedFd start)
      : session_(session), credentials_(credentials), at_(std::move(start)) {}

  // EACCES, or 0 at its end or where it goes no further.
  int go(std::string path, bool follow) {
    if (path.starts_with('/')) at_ = open("/");
    for (int links = 0; at_ && links <= kMaxLinks;) {
      path.erase(0, path.find_first_not_of('/'));
      if (path.empty()) return 0;
      if (closed()) return EACCES;
      const std::size_t end = path.find('/');
      if (end == std::string::npos && !follow) return 0;
      OwnedFd next = open(path.substr(0, end));
      struct stat info;
      if (!next || ::fstat(next.get(), &info) != 0) return 0;
      path.erase(0, end);
      if (!S_ISLNK(info.st_mode)) {
        at_ = std::move(next);
        continue;
      }
      ++links;
      std::string target(kPathMax, '\0');
      const ssize_t size =
          in_proc(next.get()) ? 0 : ::readlinkat(next.get(), "", target.data(), target.size());
      if (size <= 0) return 0;
      target.resize(static_cast<std::size_t>(size));
      path = std::move(target) + path;
      if (path.starts_with('/')) at_ = open("/");
    }
    return 0;
  }

 private:
  [[nodiscard]] OwnedFd open(const std::string& name) const {
    return OwnedFd(::openat(at_.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  }
  [[nodiscard]] bool closed() const {
    struct stat info;
    if (::fstat(at_.get(), &info) != 0 || !S_ISDIR(info.st_mode)) return false;
    return (info.st_mode & kEverybodySearches) != kEverybodySearches &&
           !permitted(session_, credentials_, at_.get(), X_OK);
  }

  Session& session_;
  const Credentials& credentials_;
  OwnedFd at_;
};

}  // namespace

int check_search(Session& session, const Caller& caller) {
  if (!session.started_as_user() || session.other_roots()) return 0;
  const Credentials& own = session.credentials(caller);
  if (own.user.filesystem == 0) return 0;
  for (const Name& name : names_of(caller)) {
    std::string path;
    if (name.address == 0 || caller.read_string(name.address, kPathMax, path) != 0 || path.empty()) continue;
    // The caller's own are its own, and what leads out of /proc it has got to before.
    if (path.starts_with("/proc/") || path.starts_with("/dev/")) continue;
    if (caller.row().call == Call::kChdir) path += "/.";
    const bool absolute = path.starts_with('/');
    if (surely_open(absolute ? "" : session.name_for_us(caller, name.directory, "") + '/', path, name.follow))
      continue;
    OwnedFd start =
        absolute ? OwnedFd(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) : caller.directory(name.directory);
    if (const int error = Walk(session, own, std::move(start)).go(std::move(path), name.follow); error != 0)
      return error;
  }
  return 0;
}

}  // namespace shale::runtime
