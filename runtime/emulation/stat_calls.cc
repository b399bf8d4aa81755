// SPDX-License-Identifier: Apache-2.0
// The stat family and access(2): what a file is and whose, as the caller is to see it.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>

#include "runtime/emulation/session.h"

namespace shale::runtime {

namespace {

// Where the arguments of each call are; -1 = it has none.
struct StatArguments {
  int directory = -1;
  int path = -1;
  int descriptor = -1;
  int buffer = 1;
  int flags = -1;
};

StatArguments arguments_of(Call call) {
  switch (call) {
    case Call::kFstat:
      return {.descriptor = 0};
    case Call::kFstatat:
      return {.directory = 0, .path = 1, .buffer = 2, .flags = 3};
    case Call::kStatx:
      return {.directory = 0, .path = 1, .buffer = 4, .flags = 2};
    default:
      return {.path = 0};
  }
}

// struct stat64 of i386, as its ABI packs it.
struct [[gnu::packed]] Stat64I386 {
  std::uint64_t dev;
  std::uint32_t pad0;
  std::uint32_t ino_low;
  std::uint32_t mode;
  std::uint32_t nlink;
  std::uint32_t uid;
  std::uint32_t gid;
  std::uint64_t rdev;
  std::uint32_t pad3;
  std::int64_t size;
  std::uint32_t blksize;
  std::uint64_t blocks;
  std::uint32_t times[6];
  std::uint64_t ino;
};
static_assert(sizeof(Stat64I386) == 96);

// Its older struct stat.
struct [[gnu::packed]] StatI386 {
  std::uint32_t dev;
  std::uint32_t ino;
  std::uint16_t mode;
  std::uint16_t nlink;
  std::uint16_t uid;
  std::uint16_t gid;
  std::uint32_t rdev;
  std::uint32_t size;
  std::uint32_t blksize;
  std::uint32_t blocks;
  std::uint32_t times[6];
  std::uint32_t unused[2];
};
static_assert(sizeof(StatI386) == 64);

template <typename To>
void copy_times(To& to, const struct stat& from) {
  const struct timespec times[] = {from.st_atim, from.st_mtim, from.st_ctim};
  for (std::size_t i = 0; i < 3; ++i) {
    to.times[2 * i] = static_cast<std::uint32_t>(times[i].tv_sec);
    to.times[2 * i + 1] = static_cast<std::uint32_t>(times[i].tv_nsec);
  }
}

std::uint16_t low_id(std::uint32_t id) {
  constexpr std::uint16_t kOverflowId = 65534;
  return id > std::numeric_limits<std::uint16_t>::max() ? kOverflowId : static_cast<std::uint16_t>(id);
}

template <typename Struct>
Answer deliver(const Caller& caller, std::uint64_t address, const Struct& value) {
  if (!caller.valid()) return Answer::failure(ESRCH);
  return caller.write(address, &value, sizeof value) ? Answer::of(0) : Answer::failure(EFAULT);
}

Answer deliver_stat(const Caller& caller, std::uint64_t address, const struct stat& info) {
  switch (caller.row().layout) {
    case Layout::kNative:
      return deliver(caller, address, info);
    case Layout::kI386: {
      Stat64I386 out{};
      out.dev = info.st_dev;
      out.ino_low = static_cast<std::uint32_t>(info.st_ino);
      out.ino = info.st_ino;
      out.mode = info.st_mode;
      out.nlink = static_cast<std::uint32_t>(info.st_nlink);
      out.uid = info.st_uid;
      out.gid = info.st_gid;
      out.rdev = info.st_rdev;
      out.size = info.st_size;
      out.blksize = static_cast<std::uint32_t>(info.st_blksize);
      out.blocks = static_cast<std::uint64_t>(info.st_blocks);
      copy_times(out, info);
      return deliver(caller, address, out);
    }
    case Layout::kI386Old: {
      // EOVERFLOW, which the kernel says as well.
      if (info.st_size > std::numeric_limits<std::int32_t>::max() ||
          info.st_ino > std::numeric_limits<std::uint32_t>::max() ||
          info.st_nlink > std::numeric_limits<std::uint16_t>::max())
        return Answer::let_kernel();
      StatI386 out{};
      out.dev = static_cast<std::uint32_t>(info.st_dev);
      out.ino = static_cast<std::uint32_t>(info.st_ino);
      out.mode = static_cast<std::uint16_t>(info.st_mode);
      out.nlink = static_cast<std::uint16_t>(info.st_nlink);
      out.uid = low_id(info.st_uid);
      out.gid = low_id(info.st_gid);
      out.rdev = static_cast<std::uint32_t>(info.st_rdev);
      out.size = static_cast<std::uint32_t>(info.st_size);
      out.blksize = static_cast<std::uint32_t>(info.st_blksize);
      out.blocks = static_cast<std::uint32_t>(info.st_blocks);
      copy_times(out, info);
      return deliver(caller, address, out);
    }
  }
  return Answer::let_kernel();
}

mode_t device_type(const OwnerRecord& owner) { return owner.device == 'b' ? S_IFBLK : S_IFCHR; }

Answer deliver_statx(const Caller& caller, int fd, const OwnerRecord& owner) {
  struct statx info;
  const int sync_flags = caller.int_argument(2) & (AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC);
  if (::statx(fd, "", AT_EMPTY_PATH | sync_flags, static_cast<unsigned>(caller.int_argument(3)), &info) != 0)
    return Answer::let_kernel();
  info.stx_uid = owner.uid;
  info.stx_gid = owner.gid;
  if (owner.device != 0) {
    info.stx_mode = static_cast<std::uint16_t>((info.stx_mode & 07777U) | device_type(owner));
    info.stx_rdev_major = owner.dev_major;
    info.stx_rdev_minor = owner.dev_minor;
  }
  return deliver(caller, caller.argument(4), info);
}

}  // namespace

Answer answer_stat(Session& session, const Caller& caller) {
  const Call call = caller.row().call;
  const StatArguments at = arguments_of(call);
  OwnedFd fd;
  if (at.descriptor >= 0) {
    const int number = caller.int_argument(static_cast<unsigned>(at.descriptor));
    if (number < 0 || session.surely_roots(caller, number, "", true)) return Answer::let_kernel();
    fd = caller.descriptor(number);
  } else {
    const int flags = at.flags >= 0 ? caller.int_argument(static_cast<unsigned>(at.flags)) : 0;
    const int directory =
        at.directory >= 0 ? caller.int_argument(static_cast<unsigned>(at.directory)) : AT_FDCWD;
    const std::uint64_t address = caller.argument(static_cast<unsigned>(at.path));
    std::string path;
    // No path at all is an empty one to newer kernels.
    if (address != 0 && caller.read_string(address, kPathMax, path) != 0) return Answer::let_kernel();
    if (path.empty()) {
      if ((flags & AT_EMPTY_PATH) == 0) return Answer::let_kernel();
      if (session.surely_roots(caller, directory, "", true)) return Answer::let_kernel();
      fd = caller.directory(directory);
    } else {
      const bool follow = call != Call::kLstat && (flags & AT_SYMLINK_NOFOLLOW) == 0;
      if (session.surely_roots(caller, directory, path, follow)) return Answer::let_kernel();
      fd = session.open(caller, directory, path, follow);
    }
  }
  // What cannot be found, the kernel cannot either, or it is a link of /proc and belongs to root.
  if (!fd) return Answer::let_kernel();
  const OwnerRecord owner = session.owner(fd.get());
  if (owner.is_default()) return Answer::let_kernel();
  if (call == Call::kStatx) return deliver_statx(caller, fd.get(), owner);
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return Answer::let_kernel();
  info.st_uid = owner.uid;
  info.st_gid = owner.gid;
  if (owner.device != 0) {
    info.st_mode = (info.st_mode & 07777U) | device_type(owner);
    info.st_rdev = makedev(owner.dev_major, owner.dev_minor);
  }
  return deliver_stat(caller, caller.argument(static_cast<unsigned>(at.buffer)), info);
}

Answer answer_access(Session& session, const Caller& caller) {
  Credentials credentials = session.credentials(caller);
  const bool at = caller.row().call == Call::kFaccessat;
  // faccessat(2) has no flags; faccessat2(2) does.
  const int flags = at && find_call(caller.architecture(), 439) == &caller.row() ? caller.int_argument(3) : 0;
  if ((flags & AT_EACCESS) == 0) {
    credentials.user.filesystem = credentials.user.real;
    credentials.group.filesystem = credentials.group.real;
  }
  if (credentials.user.filesystem == 0) return Answer::let_kernel();
  std::string path;
  if (caller.read_string(caller.argument(at ? 1 : 0), kPathMax, path) != 0) return Answer::let_kernel();
  const OwnedFd fd =
      session.open(caller, at ? caller.int_argument(0) : AT_FDCWD, path, (flags & AT_SYMLINK_NOFOLLOW) == 0);
  if (!fd) return Answer::let_kernel();
  const int wanted = caller.int_argument(at ? 2 : 1) & (R_OK | W_OK | X_OK);
  return permitted(session, credentials, fd.get(), wanted) ? Answer::let_kernel() : Answer::failure(EACCES);
}

}  // namespace shale::runtime
