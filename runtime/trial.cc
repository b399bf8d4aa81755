// SPDX-License-Identifier: Apache-2.0
#include "runtime/trial.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "runtime/map_helpers.h"
#include "runtime/namespace_error.h"
#include "runtime/overlay_probe.h"
#include "sys/files.h"
#include "sys/process.h"

namespace shale::runtime {

namespace {

// The longest error that the trial may send in one message.
constexpr std::size_t kMaxError = 8192;

// What the trial says: one character, and what follows is an error, a directory or nothing.
constexpr char kOverlayFailed = 'o';
constexpr char kTmpfsFailed = 't';
constexpr char kProcFailed = 'p';
constexpr char kGivingFailed = 'g';
constexpr char kClosed = 'c';  // the directory
constexpr char kFailed = 'f';  // an error, and the end
constexpr char kDone = 'd';

void say(int control, char what, const std::string& more = {}) {
  const std::string text = what + more.substr(0, kMaxError - 1);
  (void)!::send(control, text.data(), text.size(), MSG_NOSIGNAL);
}

// What a build must reach: its store and its helper programs.
std::vector<std::string> places_to_reach(const std::string& store_dir) {
  std::vector<std::string> out;
  std::array<char, PATH_MAX> real{};
  if (::realpath(store_dir.c_str(), real.data()) != nullptr) out.emplace_back(real.data());
  if (const Result<std::string> self = sys::self_path())
    out.push_back(self->substr(0, self->find_last_of('/')));
  return out;
}

// The first directory on the way to `path`, itself included, that this process may not enter; empty if there
// is none.
std::string closed_directory(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    std::string part = path.substr(0, end);
    if (::faccessat(AT_FDCWD, part.c_str(), X_OK, AT_EACCESS) != 0 && errno == EACCES) return part;
    if (end == std::string::npos) return {};
  }
}

// Root's powers end at files of ids that a namespace has not: a way that is open outside can be closed
// inside. Asked outside, where the owner has a number.
Error closed_to_namespace(const std::string& directory) {
  const Result<struct stat> info = sys::stat_at(AT_FDCWD, directory);
  return Error(ErrorKind::kUnsupported,
               info ? fmt::format(
                          "the build's namespace may not enter '{}' (mode {:04o}): it belongs to user id {}, "
                          "which the namespace has not",
                          directory, info->st_mode & 07777, info->st_uid)
                    : fmt::format("the build's namespace may not enter '{}'", directory))
      .hint(fmt::format(
          "keep the store (--root) and the programs elsewhere, or let others pass: chmod o+x '{}'",
          directory));
}

// For pid 1 of a pid namespace: only such a one can mount its /proc. The mount ends with the process: to
// close it would take as long as to make it.
Status try_proc() {
  const UniqueFd context(::fsopen("proc", FSOPEN_CLOEXEC));
  if (context && ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0 &&
      ::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC) >=
          0)
    return {};
  return fail(
      Error::system(errno, "mount a fresh /proc")
          .hint("a container whose /proc is partly hidden forbids a fresh one: run it with --security-opt "
                "systempaths=unconfined (docker, podman) or procMount: Unmasked (Kubernetes)"));
}

// A server (NFS) knows ids of its own only, and takes no file for others.
Status try_giving(const std::string& scratch) {
  const std::string path = scratch + "/given";
  ASSIGN_OR_RETURN(const UniqueFd file, sys::open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  if (::fchown(file.get(), 1, 1) == 0) return {};
  return fail(Error::system(errno, "give a file in the store to a subordinate id")
                  .hint("the store's file system keeps files of your own id only, as NFS does: put the "
                        "store elsewhere (--root) for files of many ids"));
}

// The process, in its namespaces.
class Trial {
 public:
  // `go_fd` gives a byte when the ids are mapped, and ends with those who wait for us.
  Trial(const BuildIsolation& tried, std::string scratch, std::vector<std::string> places, UniqueFd go,
        UniqueFd control)
      : tried_(tried),
        scratch_(std::move(scratch)),
        places_(std::move(places)),
        go_(std::move(go)),
        control_(std::move(control)) {}

  [[noreturn]] void run(bool in_pid_namespace) {
    if (const Status entered = enter(in_pid_namespace); !entered)
      say(control_.get(), kFailed, entered.error().serialize());
    else
      use();
    ::_exit(0);  // the mounts end with us
  }

 private:
  // What needs no ids comes first: newuidmap takes longer.
  Status enter(bool in_pid_namespace) {
    constexpr const char* kWhat = "set up the build's mount namespace";
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return fail_errno(errno, kWhat);
    if (in_pid_namespace) found(kProcFailed, try_proc());
    char go = 0;
    if (::read(go_.get(), &go, 1) != 1) ::_exit(0);  // nobody is left to listen
    if (tried_.namespaces() == BuildNamespaces::kUserAndMount &&
        (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0))
      return fail_errno(errno, "become root with mapped ids");
    // After the change of ids, which clears it.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return fail_errno(errno, kWhat);
    struct pollfd parent{.fd = go_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&parent, 1, 0) > 0) ::_exit(0);
    return {};
  }

  void use() {
    for (const std::string& place : places_) {
      const std::string closed = closed_directory(place);
      if (closed.empty()) continue;
      say(control_.get(), kClosed, closed);
      return;
    }
    if (!found(kOverlayFailed, try_overlay(scratch_)))
      (void)found(kTmpfsFailed, try_overlay_on_tmpfs(scratch_));
    if (tried_.maps.kind == IdMaps::Kind::kFull) (void)found(kGivingFailed, try_giving(scratch_));
    say(control_.get(), kDone);
  }

  bool found(char what, const Status& status) {
    if (!status) say(control_.get(), what, status.error().serialize());
    return status.has_value();
  }

  const BuildIsolation& tried_;
  std::string scratch_;
  std::vector<std::string> places_;
  UniqueFd go_;
  UniqueFd control_;
};

// A trial that has said all it knows. It removes its directory, and the kernel takes its mounts down, which
// is several times as long as what they were made for: nobody waits for that but the next trial and our end.
struct Ending {
  Ending() = default;
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;
  ~Ending() { wait_for({}); }
  void wait_for(sys::ChildProcess next) {
    if (process.running()) (void)process.wait();
    process = std::move(next);
  }
  sys::ChildProcess process;
};
Ending& ending() {
  static Ending last;
  return last;
}

// Descriptors are locks, too: those of the store are not to be held by a trial that is ending.
void keep_only(int first, int second) {
  if (first > second) std::swap(first, second);
  for (const auto& [from, to] : {std::pair(3, first - 1), {first + 1, second - 1}, {second + 1, INT_MAX}})
    if (from <= to) (void)::syscall(SYS_close_range, from, to, 0);
}

// A fork into namespaces: when it returns, there is something to map.
pid_t fork_into(int namespaces) {
  return static_cast<pid_t>(::syscall(SYS_clone, namespaces | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
}

// What the trial says until it is done.
Result<TrialFindings> listen(int control) {
  TrialFindings findings;
  std::string message(kMaxError, '\0');
  while (true) {
    const ssize_t size = ::read(control, message.data(), message.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return fail(ErrorKind::kSystem, "the isolation probe ended early");
    const std::string more(message.data() + 1, static_cast<std::size_t>(size) - 1);
    if (message[0] == kDone) return findings;
    if (message[0] == kClosed) return fail(closed_to_namespace(more));
    Error error = Error::deserialize(more);
    // A full disk says nothing about the host.
    if (message[0] == kFailed || error.kind() == ErrorKind::kNoSpace) return fail(std::move(error));
    switch (message[0]) {
      case kProcFailed:
        findings.proc = std::move(error);
        break;
      case kOverlayFailed:
        findings.overlay = std::move(error);
        break;
      case kTmpfsFailed:
        findings.tmpfs = std::move(error);
        break;
      default:
        findings.giving = std::move(error);
    }
  }
}

}  // namespace

Result<TrialFindings> try_namespaces(const BuildIsolation& tried, Scratch& scratch) {
  const bool user = tried.namespaces() == BuildNamespaces::kUserAndMount;
  std::vector<std::string> places = places_to_reach(scratch.path());
  ASSIGN_OR_RETURN(FdPair go, sys::make_pipe());
  ASSIGN_OR_RETURN(FdPair control, sys::make_socket_pair(SOCK_SEQPACKET));
  std::fflush(nullptr);  // or the child would print our buffers again
  const int namespaces = CLONE_NEWNS | (user ? CLONE_NEWUSER : 0);
  pid_t pid = fork_into(namespaces | CLONE_NEWPID);
  const int pid_error = errno;
  const bool in_pid_namespace = pid >= 0;
  if (pid < 0) pid = fork_into(namespaces);
  if (pid < 0)
    return fail(namespace_error(
        errno, user ? "create the build's user namespace" : "create the build's mount namespace"));
  if (pid == 0) {
    keep_only(go.first.get(), control.second.get());
    Trial(tried, scratch.path(), std::move(places), std::move(go.first), std::move(control.second))
        .run(in_pid_namespace);
  }
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const int error = errno;
  sys::ChildProcess process(pid, std::move(pidfd));
  if (process.pidfd() < 0) {
    ::kill(pid, SIGKILL);
    return fail_errno(error, "open a pidfd");
  }
  go.first.reset();
  control.second.reset();
  if (user) {
    ASSIGN_OR_RETURN(MapWriters maps, MapWriters::start(pid, tried.maps));
    RETURN_IF_ERROR(prepare_overlay(scratch.path()));  // two programs are at work
    RETURN_IF_ERROR(maps.finish());
  } else {
    RETURN_IF_ERROR(prepare_overlay(scratch.path()));
  }
  if (::write(go.second.get(), "g", 1) != 1) return fail_errno(errno, "start a process with mapped ids");
  Result<TrialFindings> findings = listen(control.first.get());
  if (!findings) return findings;
  // Before anybody looks at what may be a new store. A server (NFS) keeps what the trial still has open.
  if (!scratch.remove()) {
    RETURN_IF_ERROR(process.wait());
    (void)scratch.remove();
  } else {
    ending().wait_for(std::move(process));
  }
  if (!in_pid_namespace) findings->proc = Error::system(pid_error, "create a pid namespace");
  return findings;
}

}  // namespace shale::runtime
