// SPDX-License-Identifier: Apache-2.0
// The loop: one notification after the other, none of which waits for anything but disks.
#include "runtime/emulation/supervisor.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "runtime/emulation/filter.h"
#include "runtime/emulation/search.h"
#include "runtime/emulation/session.h"
#include "runtime/fd_message.h"
#include "runtime/report.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

namespace shale::runtime {

namespace {

Credentials credentials_of(const SandboxSpec& spec) {
  Credentials out{.user = {spec.uid, spec.uid, spec.uid, spec.uid},
                  .group = {spec.gid, spec.gid, spec.gid, spec.gid},
                  .groups = spec.groups};
  std::sort(out.groups.begin(), out.groups.end());
  return out;
}

Answer answer(Session& session, const Caller& caller) {
  if (const int error = check_search(session, caller); error != 0) return Answer::failure(error);
  switch (caller.row().call) {
    case Call::kStat:
    case Call::kLstat:
    case Call::kFstat:
    case Call::kFstatat:
    case Call::kStatx:
      return answer_stat(session, caller);
    case Call::kChown:
    case Call::kLchown:
    case Call::kFchown:
    case Call::kFchownat:
      return answer_chown(session, caller);
    case Call::kOpen:
    case Call::kOpenat:
    case Call::kOpenat2:
    case Call::kCreat:
      return answer_open(session, caller);
    case Call::kMkdir:
    case Call::kMkdirat:
    case Call::kMknod:
    case Call::kMknodat:
    case Call::kSymlink:
    case Call::kSymlinkat:
      return answer_new_name(session, caller);
    case Call::kUnlink:
    case Call::kRmdir:
    case Call::kUnlinkat:
    case Call::kRename:
    case Call::kRenameat:
    case Call::kLink:
    case Call::kLinkat:
      return answer_changed_name(session, caller);
    case Call::kAccess:
    case Call::kFaccessat:
      return answer_access(session, caller);
    case Call::kChmod:
    case Call::kFchmod:
    case Call::kFchmodat:
    case Call::kFchmodat2:
      return answer_chmod(session, caller);
    case Call::kUtime:
    case Call::kUtimes:
    case Call::kFutimesat:
    case Call::kUtimensat:
      return answer_times(session, caller);
    case Call::kTruncate:
      return answer_truncate(session, caller);
    case Call::kReadlink:
    case Call::kReadlinkat:
    case Call::kChdir:
      return Answer::let_kernel();  // about which check_search() has decided
    case Call::kGetxattr:
    case Call::kLgetxattr:
    case Call::kFgetxattr:
    case Call::kSetxattr:
    case Call::kLsetxattr:
    case Call::kFsetxattr:
    case Call::kRemovexattr:
    case Call::kLremovexattr:
    case Call::kFremovexattr:
    case Call::kListxattr:
    case Call::kLlistxattr:
    case Call::kFlistxattr:
      return answer_xattr(session, caller);
    case Call::kGetuid:
    case Call::kGeteuid:
    case Call::kGetgid:
    case Call::kGetegid:
    case Call::kGetresuid:
    case Call::kGetresgid:
    case Call::kGetgroups:
    case Call::kSetuid:
    case Call::kSetgid:
    case Call::kSetreuid:
    case Call::kSetregid:
    case Call::kSetresuid:
    case Call::kSetresgid:
    case Call::kSetfsuid:
    case Call::kSetfsgid:
    case Call::kSetgroups:
      return answer_identity(session, caller);
    case Call::kExecve:
    case Call::kExecveat:
      return answer_exec(session, caller);
    case Call::kChroot:
      return answer_chroot(session, caller);
    case Call::kPrctl:
      return answer_prctl(session, caller);
    case Call::kGetsockopt:
    case Call::kSocketcall:
      return answer_peer(session, caller);
    case Call::kMissing:
      break;
  }
  return Answer::failure(ENOSYS);
}

// Sizes as this kernel has them: its structures may be longer than those we were built with.
class Channel {
 public:
  Channel() {
    struct seccomp_notif_sizes sizes{};
    if (::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0)
      sizes = {sizeof(struct seccomp_notif), sizeof(struct seccomp_notif_resp), sizeof(struct seccomp_data)};
    request_size_ = std::max<std::size_t>(sizes.seccomp_notif, sizeof(struct seccomp_notif));
    reply_size_ = std::max<std::size_t>(sizes.seccomp_notif_resp, sizeof(struct seccomp_notif_resp));
    request_ = std::make_unique<std::uint64_t[]>(request_size_ / 8 + 1);
    reply_ = std::make_unique<std::uint64_t[]>(reply_size_ / 8 + 1);
  }

  // The next one, or nullptr if the caller was killed meanwhile.
  const struct seccomp_notif* receive(int listener) {
    std::memset(request_.get(), 0, request_size_);
    return ::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, request_.get()) == 0
               ? reinterpret_cast<const struct seccomp_notif*>(request_.get())
               : nullptr;
  }

  void reply(int listener, std::uint64_t id, const Answer& what) {
    if (what.kind == Answer::Kind::kSent) return;
    std::memset(reply_.get(), 0, reply_size_);
    auto* out = reinterpret_cast<struct seccomp_notif_resp*>(reply_.get());
    out->id = id;
    out->val = what.value;
    out->error = -what.error;
    if (what.kind == Answer::Kind::kContinue) out->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    // A caller that is gone needs no answer.
    (void)::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, out);
  }

 private:
  std::size_t request_size_ = 0;
  std::size_t reply_size_ = 0;
  std::unique_ptr<std::uint64_t[]> request_;
  std::unique_ptr<std::uint64_t[]> reply_;
};

// Waits for one of two; true if it is the first. The second is the end.
bool wait_for(int fd, int end) {
  while (true) {
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN, .revents = 0},
                           {.fd = end, .events = POLLIN, .revents = 0}};
    if (::poll(fds, 2, -1) < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    if ((fds[0].revents & POLLIN) != 0) return true;
    if (fds[1].revents != 0) return false;
    // All callers are gone, or will never come: only the end is left to wait for.
    fd = -1;
  }
}

// Since Linux 6.11 the kernel ends a wait for notifications when nobody is left to send one: there is no need
// to ask first whether one is there.
bool receive_ends_with_callers() {
  struct utsname name;
  int major = 0;
  int minor = 0;
  return ::uname(&name) == 0 && std::sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
         (major > 6 || (major == 6 && minor >= 11));
}

void serve(Session& session, int pidfd) {
  Channel channel;
  bool entered = false;
  const int listener = session.fds.listener.get();
  const bool receiving_ends = receive_ends_with_callers();
  while (receiving_ends || wait_for(listener, pidfd)) {
    const struct seccomp_notif* notification = channel.receive(listener);
    if (notification == nullptr) {
      // A caller was killed meanwhile, or none is left.
      if (receiving_ends && !wait_for(listener, pidfd)) return;
      continue;
    }
    const CallRow* row = find_call(notification->data.arch, notification->data.nr);
    Answer what;
    if (row != nullptr) {
      const Caller caller(session.fds, *notification, *row);
      // The first caller is the command before its exec: its root is the sandbox's.
      if (!entered) {
        entered = session.enter_root(caller);
        const int error = entered ? session.owners.find_earlier() : 0;
        if (error != 0) give_up(SetupStep::kEmulation, error, "descriptors for the files with owners");
      }
      what = entered ? answer(session, caller) : Answer::failure(ESRCH);
    }
    channel.reply(listener, notification->id, what);
  }
}

void write_journal(int fd, const std::string& journal) {
  for (std::size_t done = 0; done < journal.size();) {
    const ssize_t wrote = ::write(fd, journal.data() + done, journal.size() - done);
    if (wrote < 0) give_up(SetupStep::kEmulation, errno, "its journal");
    done += static_cast<std::size_t>(wrote);
  }
}

}  // namespace

int load_emulation_filter(int socket, bool as_user) {
  std::vector<struct sock_filter> code = emulation_filter(as_user);
  struct sock_fprog program{.len = static_cast<unsigned short>(code.size()), .filter = code.data()};
  // A signal that comes while we answer makes the caller start over, unless this is said (Linux 5.19).
  constexpr unsigned long kFlags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  long listener = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                            kFlags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
  if (listener < 0 && errno == EINVAL)
    listener = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, kFlags, &program);
  if (listener < 0) return errno;
  const int fd = static_cast<int>(listener);
  const int error = send_fds(socket, 0, {&fd, 1});
  ::close(fd);
  return error;
}

void supervise(const SandboxSpec& spec, int socket, pid_t pid1) {
  const OwnedFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid1, 0)));
  SupervisorFds fds;
  fds.proc = OwnedFd(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const std::optional<std::uint64_t> slack = timer_slack_of(fds.proc.get(), ::getpid());
  if (!pidfd || !fds.proc || !slack) give_up(SetupStep::kEmulation, errno, "/proc");
  // Each file whose owner no attribute holds takes a descriptor.
  struct rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &files);
  }
  // A set-up that failed closes its end; the sandbox's end is then all there is to wait for.
  if (wait_for(socket, pidfd.get()))
    if (FdMessage message = receive_fds(socket); !message.fds.empty())
      fds.listener = std::move(message.fds.front());
  ::close(socket);
  if (!fds.listener) return;
  // The waker hands its processor over (Linux 6.6): the answer comes a third sooner.
  (void)::ioctl(fds.listener.get(), SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
  Session session(std::move(fds), credentials_of(spec), spec.owner_journal, *slack);
  serve(session, pidfd.get());
  if (spec.journal_fd >= 0) write_journal(spec.journal_fd, session.journal());
}

}  // namespace shale::runtime
