// SPDX-License-Identifier: Apache-2.0
// The chown family: the kernel is made to do all of it that it can (a change to the id that is there: the
// copy-up, the set-id bits and file capabilities that go), the owner is recorded beside.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/emulation/session.h"

namespace shale::runtime {

namespace {

// Without CAP_CHOWN: one's own file may be given to another group one is in.
bool may_change(const Credentials& credentials, const OwnerRecord& before, const OwnerRecord& after) {
  if (credentials.user.filesystem != before.uid || after.uid != before.uid) return false;
  return after.gid == before.gid || credentials.in_group(after.gid);
}

}  // namespace

Answer answer_chown(Session& session, const Caller& caller) {
  const Call call = caller.row().call;
  const bool at = call == Call::kFchownat;
  const unsigned ids = at ? 2 : 1;
  const std::uint32_t uid = caller.id_argument(ids);
  const std::uint32_t gid = caller.id_argument(ids + 1);
  const Credentials& own = session.credentials(caller);
  const bool by_descriptor = call == Call::kFchown;
  const int directory = by_descriptor || at ? caller.int_argument(0) : AT_FDCWD;
  const int flags = at ? caller.int_argument(4) : 0;
  const bool follow = call != Call::kLchown && (flags & AT_SYMLINK_NOFOLLOW) == 0;
  std::string path;
  if (!by_descriptor && caller.read_string(caller.argument(at ? 1 : 0), kPathMax, path) != 0)
    return Answer::let_kernel();
  const bool itself = by_descriptor || (path.empty() && (flags & AT_EMPTY_PATH) != 0);
  // Root's files are given to root all the time: dpkg does so with each that it unpacks.
  const auto stays_roots = [](std::uint32_t id) { return id == 0 || id == kKeepId; };
  if (stays_roots(uid) && stays_roots(gid) && own.user.filesystem == 0 &&
      session.surely_roots(caller, directory, path, follow))
    return Answer::let_kernel();
  const OwnedFd fd = !itself         ? session.open(caller, directory, path, follow)
                     : by_descriptor ? caller.descriptor(directory)
                                     : caller.directory(directory);
  // What we cannot open the kernel refuses with the right error.
  struct stat info;
  if (!fd || ::fstat(fd.get(), &info) != 0) return Answer::let_kernel();
  const OwnerRecord before = session.owners.read(fd.get());
  OwnerRecord after = before;
  if (uid != kKeepId) after.uid = uid;
  if (gid != kKeepId) after.gid = gid;
  if (!session.capable(caller, own, CAP_CHOWN) && !may_change(own, before, after))
    return Answer::failure(EPERM);
  if (!caller.valid()) return Answer::failure(ESRCH);
  const uid_t real_uid = uid == kKeepId ? kKeepId : 0;
  const gid_t real_gid = gid == kKeepId ? kKeepId : 0;
  if (::fchownat(fd.get(), "", real_uid, real_gid, AT_EMPTY_PATH) != 0) return Answer::failure(errno);
  // Overlayfs makes a copy of what lies in a layer below, and that of a file with several names gets a number
  // of its own, under which nothing is recorded.
  const ino_t number = info.st_ino;
  if (::fstat(fd.get(), &info) != 0) return Answer::failure(errno);
  if (after == before && info.st_ino == number) return Answer::of(0);
  const int error = session.owners.write(fd.get(), info, after);
  return error == 0 ? Answer::of(0) : Answer::failure(error);
}

}  // namespace shale::runtime
