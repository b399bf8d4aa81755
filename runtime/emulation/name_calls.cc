// SPDX-License-Identifier: Apache-2.0
// New names, and names changed and taken away: what an emulated user makes belongs to it, and where it may
// not write it cannot.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/emulation/session.h"

namespace shale::runtime {

namespace {

constexpr mode_t kEverybodyReads = S_IRUSR | S_IRGRP | S_IROTH;

bool acts_as_root(const Credentials& credentials) {
  return credentials.user.filesystem == 0 && credentials.group.filesystem == 0;
}

// Who a new file in this directory belongs to: groups are inherited in set-group-id directories.
OwnerRecord owner_in(Session& session, const Credentials& credentials, int directory) {
  OwnerRecord owner{.uid = credentials.user.filesystem, .gid = credentials.group.filesystem};
  struct stat info;
  if (::fstat(directory, &info) == 0 && (info.st_mode & S_ISGID) != 0)
    owner.gid = session.owners.read(directory).gid;
  return owner;
}

// Whether the directory of a new name (or the one named, with `itself`) hands its group on. Errors are the
// kernel's to say.
bool inherits_group(const Session& session, const Caller& caller, int directory, std::string_view path,
                    bool itself) {
  if (session.other_roots()) return true;  // to be looked at with care
  if (!itself) {
    while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
    const std::size_t slash = path.rfind('/');
    path = slash == std::string_view::npos ? "" : path.substr(0, slash == 0 ? 1 : slash);
  }
  struct stat info;
  return ::stat(session.name_for_us(caller, directory, path).c_str(), &info) == 0 &&
         (info.st_mode & S_ISGID) != 0;
}

// What is made next gets the caller's umask, and by the kernel, which knows default access control lists.
bool take_umask(const Caller& caller) {
  const std::optional<std::uint64_t> mask = caller.status_field("Umask", 8);
  if (mask) ::umask(static_cast<mode_t>(*mask));
  return mask.has_value();
}

Answer record_new(Session& session, int fd, const OwnerRecord& owner) {
  struct stat info;
  if (::fstat(fd, &info) != 0) return Answer::failure(errno);
  const int error = session.owners.write(fd, info, owner);
  return error == 0 ? Answer::of(0) : Answer::failure(error);
}

// A descriptor of the caller's for our open file, as the return value of its call.
Answer hand_over(Session& session, std::uint64_t id, int fd, int flags) {
  struct seccomp_notif_addfd add{};
  add.id = id;
  add.flags = SECCOMP_ADDFD_FLAG_SEND;
  add.srcfd = static_cast<std::uint32_t>(fd);
  add.newfd_flags = static_cast<std::uint32_t>(flags & O_CLOEXEC);
  if (::ioctl(session.fds.listener.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &add) >= 0) return Answer::sent();
  if (errno != EINVAL) return Answer::failure(errno);
  add.flags = 0;  // Linux before 5.14 answers in a second step
  const int number = ::ioctl(session.fds.listener.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &add);
  return number >= 0 ? Answer::of(number) : Answer::failure(errno);
}

struct OpenArguments {
  int directory = AT_FDCWD;
  std::string path;
  int flags = 0;
  mode_t mode = 0;
  std::uint64_t path_address = 0;
};

// All but the path. False: nothing that is ours to decide.
bool read_open(const Caller& caller, OpenArguments& out) {
  const auto mode = [&](unsigned index) { return static_cast<mode_t>(caller.int_argument(index)) & 07777U; };
  out.path_address = caller.argument(0);
  switch (caller.row().call) {
    case Call::kOpen:
      out.flags = caller.int_argument(1);
      out.mode = mode(2);
      return true;
    case Call::kCreat:
      out.flags = O_CREAT | O_WRONLY | O_TRUNC;
      out.mode = mode(1);
      return true;
    case Call::kOpenat:
      out.directory = caller.int_argument(0);
      out.path_address = caller.argument(1);
      out.flags = caller.int_argument(2);
      out.mode = mode(3);
      return true;
    default: {
      struct open_how how{};
      if (caller.argument(3) < sizeof how || !caller.read(caller.argument(2), &how, sizeof how)) return false;
      // A caller that says how names are to be resolved is served by the kernel alone.
      if (how.resolve != 0) return false;
      out.directory = caller.int_argument(0);
      out.path_address = caller.argument(1);
      out.flags = static_cast<int>(how.flags);
      out.mode = static_cast<mode_t>(how.mode) & 07777U;
      return true;
    }
  }
}

// An unnamed file in the directory that `path` names.
Answer make_unnamed(Session& session, const Caller& caller, const OpenArguments& open) {
  const Credentials& own = session.credentials(caller);
  const OwnedFd directory = session.open(caller, open.directory, open.path, true);
  if (!directory) return Answer::let_kernel();
  if (!permitted(session, own, directory.get(), W_OK | X_OK)) return Answer::failure(EACCES);
  const OwnerRecord owner = owner_in(session, own, directory.get());
  if (owner.is_default() || !take_umask(caller) || !caller.valid()) return Answer::let_kernel();
  const OwnedFd file(::open(own_name(directory.get()).c_str(), open.flags | O_CLOEXEC, open.mode));
  if (!file) return Answer::failure(errno);
  if (const Answer made = record_new(session, file.get(), owner); made.error != 0) return made;
  return hand_over(session, caller.id(), file.get(), open.flags);
}

// A file that is not there, in the caller's name. Following a link that leads nowhere makes what it names.
Answer make_file(Session& session, const Caller& caller, OpenArguments open) {
  const Credentials& own = session.credentials(caller);

  for (int links = 0; links <= kMaxLinks; ++links) {
    if (open.path.ends_with('/')) return Answer::let_kernel();  // a directory, which this does not make
    const Session::Place place = session.open_place(caller, open.directory, open.path);
    if (!place) return Answer::let_kernel();
    const int directory = place.directory.get();
    std::string target(kPathMax, '\0');
    const ssize_t size = ::readlinkat(directory, place.name.c_str(), target.data(), target.size());
    if (size < 0 && errno == ENOENT) {
      const OwnerRecord owner = owner_in(session, own, directory);
      if (!permitted(session, own, directory, W_OK | X_OK)) return Answer::failure(EACCES);
      if (owner.is_default() || !take_umask(caller) || !caller.valid()) return Answer::let_kernel();
      const OwnedFd file(
          ::openat(directory, place.name.c_str(), open.flags | O_CREAT | O_EXCL | O_CLOEXEC, open.mode));
      if (file) {
        if (const Answer made = record_new(session, file.get(), owner); made.error != 0) return made;
        return hand_over(session, caller.id(), file.get(), open.flags);
      }
      if (errno != EEXIST || (open.flags & O_EXCL) != 0) return Answer::failure(errno);
      continue;  // somebody else made it meanwhile
    }
    // What is there is a matter of its own permissions, and so is a link that is not to be followed.
    if (size <= 0 || (open.flags & (O_NOFOLLOW | O_EXCL)) != 0) return Answer::let_kernel();
    target.resize(static_cast<std::size_t>(size));
    if (target.front() != '/') {
      const std::size_t slash = open.path.rfind('/');
      if (slash != std::string::npos) target.insert(0, open.path, 0, slash + 1);
    }
    open.path = std::move(target);
  }
  return Answer::let_kernel();
}

}  // namespace

Answer answer_open(Session& session, const Caller& caller) {
  OpenArguments open;
  if (!read_open(caller, open)) return Answer::let_kernel();
  const bool unnamed = (open.flags & O_TMPFILE) == O_TMPFILE;
  const bool makes = unnamed || (open.flags & O_CREAT) != 0;
  if ((open.flags & O_PATH) != 0) return Answer::let_kernel();  // which then makes and truncates nothing
  const Credentials& own = session.credentials(caller);
  const bool root = acts_as_root(own);
  if ((root && !makes) || caller.read_string(open.path_address, kPathMax, open.path) != 0)
    return Answer::let_kernel();
  if (root) {
    // Root's files are root's, but for the group of a set-group-id directory.
    if (!inherits_group(session, caller, open.directory, open.path, unnamed)) return Answer::let_kernel();
    return unnamed ? make_unnamed(session, caller, open) : make_file(session, caller, std::move(open));
  }
  if (unnamed) return make_unnamed(session, caller, open);
  const int access = open.flags & O_ACCMODE;
  if (access == O_RDONLY && (open.flags & (O_CREAT | O_TRUNC)) == 0) {
    // What everybody may read needs no owner: nearly everything.
    const std::optional<mode_t> mode =
        session.quick_mode(caller, open.directory, open.path, (open.flags & O_NOFOLLOW) == 0);
    if (mode && (*mode == 0 || (*mode & kEverybodyReads) == kEverybodyReads)) return Answer::let_kernel();
  }
  const OwnedFd there = session.open(caller, open.directory, open.path, (open.flags & O_NOFOLLOW) == 0);
  if (there) {
    if ((open.flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) return Answer::failure(EEXIST);
    int wanted = access == O_WRONLY ? W_OK : access == O_RDWR ? R_OK | W_OK : R_OK;
    if ((open.flags & O_TRUNC) != 0) wanted |= W_OK;
    struct stat info;
    // Devices and the kernel's own files have owners that are not of the image.
    if (::fstat(there.get(), &info) != 0 || (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) ||
        info.st_uid != 0)
      return Answer::let_kernel();
    // EISDIR, which comes before EACCES.
    if (S_ISDIR(info.st_mode) && (makes || (wanted & W_OK) != 0)) return Answer::let_kernel();
    return permitted(session, own, there.get(), wanted) ? Answer::let_kernel() : Answer::failure(EACCES);
  }
  if (errno != ENOENT || !makes) return Answer::let_kernel();
  return make_file(session, caller, std::move(open));
}

Answer answer_new_name(Session& session, const Caller& caller) {
  const Call call = caller.row().call;
  const Credentials& own = session.credentials(caller);
  const bool at = call == Call::kMkdirat || call == Call::kMknodat || call == Call::kSymlinkat;
  const bool symlink = call == Call::kSymlink || call == Call::kSymlinkat;
  const bool mknod = call == Call::kMknod || call == Call::kMknodat;
  // symlink's target comes before its name.
  const unsigned name_at = symlink ? (at ? 2 : 1) : (at ? 1 : 0);
  const int directory = at ? caller.int_argument(symlink ? 1 : 0) : AT_FDCWD;
  const auto mode = symlink ? mode_t{0} : static_cast<mode_t>(caller.int_argument(name_at + 1));
  const bool device = mknod && (S_ISCHR(mode) || S_ISBLK(mode));
  std::string path;
  if (caller.read_string(caller.argument(name_at), kPathMax, path) != 0) return Answer::let_kernel();
  const bool makes_directory = call == Call::kMkdir || call == Call::kMkdirat;
  if (path.ends_with('/') && !makes_directory) return Answer::let_kernel();
  if (acts_as_root(own) && !device && !inherits_group(session, caller, directory, path, false))
    return Answer::let_kernel();
  const Session::Place place = session.open_place(caller, directory, path);
  if (!place) return Answer::let_kernel();
  if (!permitted(session, own, place.directory.get(), W_OK | X_OK)) {
    struct stat there;
    return ::fstatat(place.directory.get(), place.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0
               ? Answer::failure(EEXIST)
               : Answer::failure(EACCES);
  }
  OwnerRecord owner = owner_in(session, own, place.directory.get());
  if (device) {
    const auto number = static_cast<std::uint32_t>(caller.int_argument(name_at + 2));
    // 0:0 is how overlayfs writes a deletion; it refuses it as well.
    if (!session.capable(caller, own, CAP_MKNOD) || number == 0) return Answer::failure(EPERM);
    owner.device = S_ISCHR(mode) ? 'c' : 'b';
    owner.dev_major = number >> 8 & 0xfffU;
    owner.dev_minor = (number & 0xffU) | (number >> 12 & 0xfff00U);
  }
  if (owner.is_default() || !take_umask(caller)) return Answer::let_kernel();
  std::string target;
  if (symlink && caller.read_string(caller.argument(0), kPathMax, target) != 0) return Answer::let_kernel();
  if (!caller.valid()) return Answer::failure(ESRCH);
  const int parent = place.directory.get();
  const char* name = place.name.c_str();
  int made = 0;
  if (symlink)
    made = ::symlinkat(target.c_str(), parent, name);
  else if (device)
    made = ::mknodat(parent, name, S_IFREG | (mode & 07777U), 0);
  else if (mknod)
    made = ::mknodat(parent, name, mode, 0);
  else
    made = ::mkdirat(parent, name, mode);
  if (made != 0) return Answer::failure(errno);
  const OwnedFd fd(::openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  return fd ? record_new(session, fd.get(), owner) : Answer::failure(errno);
}

namespace {

// Whether one name may go (or come, with `fresh`). EACCES or EPERM, or 0.
int check_name(Session& session, const Caller& caller, int directory, std::uint64_t address, bool fresh) {
  const Credentials& own = session.credentials(caller);
  std::string path;
  if (caller.read_string(address, kPathMax, path) != 0) return 0;
  const Session::Place place = session.open_place(caller, directory, path);
  if (!place) return 0;
  const OwnedFd there(::openat(place.directory.get(), place.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!there && !fresh) return 0;  // ENOENT comes before EACCES
  if (!permitted(session, own, place.directory.get(), W_OK | X_OK)) return EACCES;
  struct stat info;
  if (!there || ::fstat(place.directory.get(), &info) != 0 || (info.st_mode & S_ISVTX) == 0) return 0;
  const std::uint32_t uid = own.user.filesystem;
  return session.owners.read(there.get()).uid == uid || session.owners.read(place.directory.get()).uid == uid
             ? 0
             : EPERM;
}

// Whether the host lets nobody make further names of what others could not write (fs.protected_hardlinks).
bool protects_links(const Session& session) {
  static const bool kProtects = [&] {
    const OwnedFd file(::openat(session.fds.proc.get(), "sys/fs/protected_hardlinks", O_RDONLY | O_CLOEXEC));
    char value = '0';
    return file && ::read(file.get(), &value, 1) == 1 && value != '0';
  }();
  return kProtects;
}

// A name in a call's arguments.
struct NameArgument {
  int directory;
  unsigned argument;
};

// Whether a file may get one more name: EPERM, or 0.
int check_link_source(Session& session, const Caller& caller, const NameArgument& source, int flags) {
  std::string path;
  if (!protects_links(session) || caller.read_string(caller.argument(source.argument), kPathMax, path) != 0)
    return 0;
  const OwnedFd fd = path.empty() && (flags & AT_EMPTY_PATH) != 0
                         ? caller.descriptor(source.directory)
                         : session.open(caller, source.directory, path, (flags & AT_SYMLINK_FOLLOW) != 0);
  struct stat info;
  const Credentials& own = session.credentials(caller);
  if (!fd || ::fstat(fd.get(), &info) != 0 || session.owners.read(fd.get()).uid == own.user.filesystem)
    return 0;
  constexpr mode_t kGroupRuns = S_ISGID | S_IXGRP;
  const bool harmless = S_ISREG(info.st_mode) && (info.st_mode & S_ISUID) == 0 &&
                        (info.st_mode & kGroupRuns) != kGroupRuns &&
                        permitted(session, own, fd.get(), R_OK | W_OK);
  return harmless ? 0 : EPERM;
}

// Whether a file may get this name: EEXIST comes before what the file's own permissions say, and these before
// the directory's.
int check_link(Session& session, const Caller& caller, const NameArgument& source, int flags,
               const NameArgument& fresh) {
  std::string path;
  if (caller.read_string(caller.argument(fresh.argument), kPathMax, path) != 0) return 0;
  const Session::Place place = session.open_place(caller, fresh.directory, path);
  struct stat there;
  if (place && ::fstatat(place.directory.get(), place.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0)
    return EEXIST;
  if (const int error = check_link_source(session, caller, source, flags); error != 0) return error;
  return check_name(session, caller, fresh.directory, caller.argument(fresh.argument), true);
}

}  // namespace

Answer answer_changed_name(Session& session, const Caller& caller) {
  if (session.credentials(caller).user.filesystem == 0) return Answer::let_kernel();
  const auto check = [&](int directory, unsigned argument, bool fresh) {
    return check_name(session, caller, directory, caller.argument(argument), fresh);
  };
  int error = 0;
  switch (caller.row().call) {
    case Call::kUnlink:
    case Call::kRmdir:
      error = check(AT_FDCWD, 0, false);
      break;
    case Call::kUnlinkat:
      error = check(caller.int_argument(0), 1, false);
      break;
    case Call::kRename:
      error = check(AT_FDCWD, 0, false);
      if (error == 0) error = check(AT_FDCWD, 1, true);
      break;
    case Call::kRenameat:
      error = check(caller.int_argument(0), 1, false);
      if (error == 0) error = check(caller.int_argument(2), 3, true);
      break;
    case Call::kLink:
      error = check_link(session, caller, {AT_FDCWD, 0}, 0, {AT_FDCWD, 1});
      break;
    case Call::kLinkat:
      error = check_link(session, caller, {caller.int_argument(0), 1}, caller.int_argument(4),
                         {caller.int_argument(2), 3});
      break;
    default:
      break;
  }
  return error == 0 ? Answer::let_kernel() : Answer::failure(error);
}

}  // namespace shale::runtime
