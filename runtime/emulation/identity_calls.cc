// SPDX-License-Identifier: Apache-2.0
// Who the caller is, what it becomes, by set*id(2) and by executing a set-id program, and who its peers are.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include "runtime/emulation/session.h"

namespace shale::runtime {

namespace {

constexpr int kMaxGroups = 65536;  // NGROUPS_MAX

bool ids_of_16_bits(const Caller& caller) { return caller.row().layout == Layout::kI386Old; }

std::uint32_t shown(const Caller& caller, std::uint32_t id) {
  constexpr std::uint32_t kOverflowId = 65534;
  return ids_of_16_bits(caller) && id > std::numeric_limits<std::uint16_t>::max() ? kOverflowId : id;
}

bool write_ids(const Caller& caller, std::uint64_t address, const std::vector<gid_t>& ids) {
  if (!ids_of_16_bits(caller)) return caller.write(address, ids.data(), ids.size() * sizeof(gid_t));
  std::vector<std::uint16_t> low;
  low.reserve(ids.size());
  for (const gid_t id : ids) low.push_back(static_cast<std::uint16_t>(shown(caller, id)));
  return caller.write(address, low.data(), low.size() * sizeof(std::uint16_t));
}

Answer get_all(const Caller& caller, const UserIds& ids) {
  if (!caller.valid()) return Answer::failure(ESRCH);
  const std::uint32_t values[] = {ids.real, ids.effective, ids.saved};
  for (unsigned i = 0; i < 3; ++i)
    if (!write_ids(caller, caller.argument(i), {values[i]})) return Answer::failure(EFAULT);
  return Answer::of(0);
}

Answer get_groups(const Caller& caller, const Credentials& credentials) {
  const int room = caller.int_argument(0);
  const auto count = static_cast<int>(credentials.groups.size());
  if (room < 0 || (room > 0 && room < count)) return Answer::failure(EINVAL);
  if (room > 0 && count > 0) {
    if (!caller.valid()) return Answer::failure(ESRCH);
    if (!write_ids(caller, caller.argument(1), credentials.groups)) return Answer::failure(EFAULT);
  }
  return Answer::of(count);
}

Answer set_groups(Session& session, const Caller& caller, Credentials next) {
  if (!session.capable(caller, next, CAP_SETGID)) return Answer::failure(EPERM);
  const int count = caller.int_argument(0);
  if (count < 0 || count > kMaxGroups) return Answer::failure(EINVAL);
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  if (ids_of_16_bits(caller)) {
    std::vector<std::uint16_t> low(groups.size());
    if (count > 0 && !caller.read(caller.argument(1), low.data(), low.size() * sizeof(std::uint16_t)))
      return Answer::failure(EFAULT);
    std::copy(low.begin(), low.end(), groups.begin());
  } else if (count > 0 && !caller.read(caller.argument(1), groups.data(), groups.size() * sizeof(gid_t))) {
    return Answer::failure(EFAULT);
  }
  std::sort(groups.begin(), groups.end());  // as the kernel keeps them
  next.groups = std::move(groups);
  return session.become(caller, std::move(next));
}

Answer set_filesystem(Session& session, const Caller& caller, Credentials next, bool group) {
  UserIds& ids = group ? next.group : next.user;
  const std::uint32_t before = ids.filesystem;
  const std::uint32_t id = caller.id_argument(0);
  const bool privileged = session.capable(caller, next, group ? CAP_SETGID : CAP_SETUID);
  if (id != kKeepId) ids.set_filesystem(id, privileged);
  const Answer done = session.become(caller, std::move(next));
  return done.error != 0 ? done : Answer::of(shown(caller, before));
}

Answer change(Session& session, const Caller& caller, Credentials next) {
  const Call call = caller.row().call;
  const bool group = call == Call::kSetgid || call == Call::kSetregid || call == Call::kSetresgid;
  const bool privileged = session.capable(caller, next, group ? CAP_SETGID : CAP_SETUID);
  const auto id = [&](unsigned index) { return caller.id_argument(index); };
  const UserIds before = next.user;
  bool done = false;
  switch (call) {
    case Call::kSetuid:
    case Call::kSetgid:
      if (id(0) == kKeepId) return Answer::failure(EINVAL);
      done = (group ? next.group : next.user).set(id(0), privileged);
      break;
    case Call::kSetreuid:
      done = next.user.set_real_effective(id(0), id(1), privileged);
      break;
    case Call::kSetregid:
      done = next.group.set_real_effective(id(0), id(1), privileged);
      break;
    case Call::kSetresuid:
      done = next.user.set_all(id(0), id(1), id(2), privileged);
      break;
    case Call::kSetresgid:
      done = next.group.set_all(id(0), id(1), id(2), privileged);
      break;
    default:
      break;
  }
  if (!done) return Answer::failure(EPERM);
  next.follow_user(before);
  return session.become(caller, std::move(next));
}

// "#!" or "\x7fELF": set-id bits of scripts mean nothing.
bool is_script(int fd) {
  const OwnedFd file(::open(own_name(fd).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  char magic[2] = {};
  return file && ::pread(file.get(), magic, sizeof magic, 0) == sizeof magic && magic[0] == '#' &&
         magic[1] == '!';
}

}  // namespace

Answer answer_identity(Session& session, const Caller& caller) {
  const Credentials& own = session.credentials(caller);
  switch (caller.row().call) {
    case Call::kGetuid:
      return Answer::of(shown(caller, own.user.real));
    case Call::kGeteuid:
      return Answer::of(shown(caller, own.user.effective));
    case Call::kGetgid:
      return Answer::of(shown(caller, own.group.real));
    case Call::kGetegid:
      return Answer::of(shown(caller, own.group.effective));
    case Call::kGetresuid:
      return get_all(caller, own.user);
    case Call::kGetresgid:
      return get_all(caller, own.group);
    case Call::kGetgroups:
      return get_groups(caller, own);
    case Call::kSetgroups:
      return set_groups(session, caller, own);
    case Call::kSetfsuid:
      return set_filesystem(session, caller, own, false);
    case Call::kSetfsgid:
      return set_filesystem(session, caller, own, true);
    default:
      return change(session, caller, own);
  }
}

// The kernel executes; what is changed before is only whom the caller is taken for. If the execution then
// fails, a set-id program's owner stays in force, in a process that could have executed it.
Answer answer_exec(Session& session, const Caller& caller) {
  const Credentials& own = session.credentials(caller);
  const bool at = caller.row().call == Call::kExecveat;
  Credentials next = own;
  std::string path;
  if (caller.read_string(caller.argument(at ? 1 : 0), kPathMax, path) != 0) return Answer::let_kernel();
  const int directory = at ? caller.int_argument(0) : AT_FDCWD;
  const int flags = at ? caller.int_argument(4) : 0;
  next.execute();
  // Nothing changes for root and a program without set-id bits: nearly always.
  if (own.user.filesystem == 0 && next == own && flags == 0) {
    const std::optional<mode_t> mode = session.quick_mode(caller, directory, path, true);
    if (mode && (*mode & (S_ISUID | S_ISGID)) == 0) return Answer::let_kernel();
  }
  const OwnedFd fd = path.empty() && (flags & AT_EMPTY_PATH) != 0
                         ? caller.descriptor(directory)
                         : session.open(caller, directory, path, (flags & AT_SYMLINK_NOFOLLOW) == 0);
  struct stat info;
  if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return Answer::let_kernel();
  if (own.user.filesystem != 0 && !permitted(session, own, fd.get(), X_OK)) return Answer::failure(EACCES);
  const bool set_user = (info.st_mode & S_ISUID) != 0;
  const bool set_group = (info.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
  if (set_user || set_group) {
    struct statvfs mount;
    const bool ignored = (::fstatvfs(fd.get(), &mount) == 0 && (mount.f_flag & ST_NOSUID) != 0) ||
                         caller.status_field("NoNewPrivs", 10).value_or(0) != 0 || is_script(fd.get());
    if (!ignored) {
      const OwnerRecord owner = session.owners.read(fd.get());
      if (set_user) next.user.effective = owner.uid;
      if (set_group) next.group.effective = owner.gid;
    }
  }
  next.execute();
  const Answer became = session.become(caller, std::move(next));
  return became.error != 0 ? became : Answer::let_kernel();
}

Answer answer_chroot(Session& session, const Caller& caller) {
  if (!session.capable(caller, session.credentials(caller), CAP_SYS_CHROOT)) return Answer::failure(EPERM);
  session.expect_other_roots();
  return Answer::let_kernel();
}

// What a program keeps when it ceases to be root is noted, and the kernel told as well. Its timers stay as
// exact as they were.
Answer answer_prctl(Session& session, const Caller& caller) {
  const int option = caller.int_argument(0);
  if (option == PR_SET_TIMERSLACK) return Answer::of(0);
  const std::uint64_t value = caller.argument(1);
  constexpr std::uint64_t kKeeping = SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP;
  Credentials next = session.credentials(caller);
  next.keeps_capabilities = option == PR_SET_KEEPCAPS ? value == 1 : (value & kKeeping) != 0;
  const Answer became = session.become(caller, std::move(next));
  return became.error != 0 ? became : Answer::let_kernel();
}

namespace {

// What getsockopt(2) is asked, by itself or through socketcall(2), which has the arguments in memory.
struct OptionCall {
  int socket = -1;
  int level = 0;
  int option = 0;
  std::uint64_t value = 0;
  std::uint64_t size = 0;
};
std::optional<OptionCall> option_call(const Caller& caller) {
  if (caller.row().call == Call::kGetsockopt)
    return OptionCall{caller.int_argument(0), caller.int_argument(1), caller.int_argument(2),
                      caller.argument(3), caller.argument(4)};
  std::array<std::uint32_t, 5> arguments{};
  if (!caller.read(caller.argument(1), arguments.data(), sizeof arguments)) return std::nullopt;
  return OptionCall{static_cast<int>(arguments[0]), static_cast<int>(arguments[1]),
                    static_cast<int>(arguments[2]), arguments[3], arguments[4]};
}

}  // namespace

// SO_PEERCRED: the kernel's answer, with the peer's emulated ids in it.
Answer answer_peer(Session& session, const Caller& caller) {
  const Credentials& initial = session.table.at(0);
  if (session.table.only_initial() && initial.user == UserIds{} && initial.group == UserIds{})
    return Answer::let_kernel();
  const std::optional<OptionCall> call = option_call(caller);
  if (!call || call->level != SOL_SOCKET || call->option != SO_PEERCRED) return Answer::let_kernel();
  const std::optional<std::uint64_t> process = caller.status_field("Tgid", 10);
  if (!process) return Answer::let_kernel();
  const OwnedFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(*process), 0)));
  const OwnedFd socket(pidfd ? static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd.get(), call->socket, 0))
                             : -1);
  struct ucred peer{};
  socklen_t size = sizeof peer;
  if (!socket || ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0)
    return Answer::let_kernel();
  const std::optional<std::uint64_t> slack = timer_slack_of(session.fds.proc.get(), peer.pid);
  std::optional<pid_t> number = inner_pid_of(session.fds.proc.get(), peer.pid);
  if (!slack || !number) return Answer::let_kernel();
  const Credentials& theirs = session.credentials_of_slack(*slack);
  peer = {.pid = *number, .uid = theirs.user.effective, .gid = theirs.group.effective};
  std::uint32_t room = 0;
  if (!caller.read(call->size, &room, sizeof room)) return Answer::failure(EFAULT);
  room = std::min<std::uint32_t>(room, sizeof peer);
  if (!caller.valid()) return Answer::failure(ESRCH);
  if (!caller.write(call->value, &peer, room) || !caller.write(call->size, &room, sizeof room))
    return Answer::failure(EFAULT);
  return Answer::of(0);
}

}  // namespace shale::runtime
