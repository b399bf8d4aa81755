// SPDX-License-Identifier: Apache-2.0
// What only a file's owner may do to it, and what whoever may write it: modes, times, lengths. Root's own
// calls of these are not asked about, but for truncate(2), which is rare.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/emulation/session.h"

namespace shale::runtime {

namespace {

// A file that a call is to change.
struct Target {
  OwnedFd fd;
  struct stat info{};
  explicit operator bool() const { return static_cast<bool>(fd); }
};

// Empty if the kernel is to decide: also where it is not there.
Target target(OwnedFd fd) {
  Target out{.fd = std::move(fd)};
  if (!out.fd || ::fstat(out.fd.get(), &out.info) != 0 || decided_by_kernel(out.fd.get(), out.info, true))
    return {};
  return out;
}

// What a path names, or with none (or an empty one, if that is asked for) its directory.
Target named(Session& session, const Caller& caller, int directory, std::uint64_t address, int flags) {
  std::string path;
  if (address != 0 && caller.read_string(address, kPathMax, path) != 0) return {};
  if (path.empty()) {
    if (address != 0 && (flags & AT_EMPTY_PATH) == 0) return {};
    return target(caller.directory(directory));
  }
  return target(session.open(caller, directory, path, (flags & AT_SYMLINK_NOFOLLOW) == 0));
}

}  // namespace

Answer answer_chmod(Session& session, const Caller& caller) {
  const Call call = caller.row().call;
  const Credentials& own = session.credentials(caller);
  if (session.capable(caller, own, CAP_FOWNER)) return Answer::let_kernel();
  const bool at = call == Call::kFchmodat || call == Call::kFchmodat2;
  const int flags = call == Call::kFchmodat2 ? caller.int_argument(3) : 0;
  const Target file = call == Call::kFchmod ? target(caller.descriptor(caller.int_argument(0)))
                                            : named(session, caller, at ? caller.int_argument(0) : AT_FDCWD,
                                                    caller.argument(at ? 1 : 0), flags);
  if (!file) return Answer::let_kernel();
  const OwnerRecord owner = session.owners.read(file.fd.get());
  if (owner.uid != own.user.filesystem) return Answer::failure(EPERM);
  const auto mode = static_cast<mode_t>(caller.int_argument(at ? 2 : 1)) & 07777U;
  if ((mode & S_ISGID) == 0 || own.in_group(owner.gid) || S_ISLNK(file.info.st_mode))
    return Answer::let_kernel();
  // The kernel takes the set-group-id bit away from who is not in the group; for it all are.
  if (!caller.valid()) return Answer::failure(ESRCH);
  return ::chmod(own_name(file.fd.get()).c_str(), mode & ~static_cast<mode_t>(S_ISGID)) == 0
             ? Answer::of(0)
             : Answer::failure(errno);
}

namespace {

enum class Times : std::uint8_t { kNow, kNone, kGiven };

// What the argument of one of the utime family asks for.
Times times_of(const Caller& caller, std::uint64_t address) {
  if (address == 0) return Times::kNow;
  if (caller.row().call != Call::kUtimensat) return Times::kGiven;
  // Nanoseconds come second; of 32 bits here, or of 64 whose lower ones come first.
  const bool narrow = caller.row().layout == Layout::kI386Old;
  std::uint32_t words[8] = {};
  if (!caller.read(address, words, narrow ? sizeof words / 2 : sizeof words)) return Times::kGiven;
  const std::uint32_t first = narrow ? words[1] : words[2];
  const std::uint32_t second = narrow ? words[3] : words[6];
  if (first == UTIME_NOW && second == UTIME_NOW) return Times::kNow;
  return first == UTIME_OMIT && second == UTIME_OMIT ? Times::kNone : Times::kGiven;
}

}  // namespace

Answer answer_times(Session& session, const Caller& caller) {
  const Call call = caller.row().call;
  const Credentials& own = session.credentials(caller);
  if (session.capable(caller, own, CAP_FOWNER)) return Answer::let_kernel();
  const bool at = call == Call::kFutimesat || call == Call::kUtimensat;
  const Times times = times_of(caller, caller.argument(at ? 2 : 1));
  if (times == Times::kNone) return Answer::let_kernel();
  const Target file =
      named(session, caller, at ? caller.int_argument(0) : AT_FDCWD, caller.argument(at ? 1 : 0),
            call == Call::kUtimensat ? caller.int_argument(3) : 0);
  if (!file || session.owners.read(file.fd.get()).uid == own.user.filesystem) return Answer::let_kernel();
  if (times == Times::kGiven) return Answer::failure(EPERM);
  return permitted(session, own, file.fd.get(), W_OK) ? Answer::let_kernel() : Answer::failure(EACCES);
}

Answer answer_truncate(Session& session, const Caller& caller) {
  const Credentials& own = session.credentials(caller);
  if (own.user.filesystem == 0) return Answer::let_kernel();
  const Target file = named(session, caller, AT_FDCWD, caller.argument(0), 0);
  if (!file || !S_ISREG(file.info.st_mode)) return Answer::let_kernel();
  return permitted(session, own, file.fd.get(), W_OK) ? Answer::let_kernel() : Answer::failure(EACCES);
}

}  // namespace shale::runtime
