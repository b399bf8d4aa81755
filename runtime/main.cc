// SPDX-License-Identifier: Apache-2.0
// shale-runtime: runs commands in sandboxes. One process of it serves a build and forks a monitor for each
// command. With that, a sandbox has three: the monitor (in the build's namespaces), pid 1 of the sandbox, and
// the command as its pid 2. README.md explains the order of the steps.
#include <linux/if.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <optional>
#include <string>
#include <string_view>

#include "runtime/cgroup_join.h"
#include "runtime/chroot_sandbox.h"
#include "runtime/command.h"
#include "runtime/emulation/supervisor.h"
#include "runtime/kernel.h"
#include "runtime/monitor_server.h"
#include "runtime/oom_score.h"
#include "runtime/report.h"
#include "runtime/sandbox_mounts.h"
#include "runtime/wire.h"

namespace shale::runtime {
namespace {

std::string read_all(int fd, SetupStep step, std::string_view operand) {
  std::string text;
  char buffer[16384];
  while (true) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) give_up(step, errno, operand);
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

std::string read_file(const char* path) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) give_up(SetupStep::kWriteMaps, errno, path);
  std::string text = read_all(fd, SetupStep::kWriteMaps, path);
  ::close(fd);
  return text;
}

// One write(2): the kernel takes an id map only whole.
void write_file(SetupStep step, const std::string& path, std::string_view text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0 || ::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    give_up(step, errno, path);
  ::close(fd);
}

struct ChildMap {
  std::string text;
  bool has_tty_group = false;  // id 5
};

// The map of a child namespace with exactly our ids, one to one: each line must lie within one of our
// extents, so they are repeated, not merged ("0 0 65536" over the extents 0 and 1–65535 is EPERM).
ChildMap repeat_extents(const std::string& own) {
  ChildMap map;
  std::size_t at = 0;
  const auto number = [&]() -> std::optional<std::uint64_t> {
    while (at < own.size() && (own[at] == ' ' || own[at] == '\n')) ++at;
    if (at == own.size()) return std::nullopt;
    std::uint64_t value = 0;
    while (at < own.size() && own[at] >= '0' && own[at] <= '9')
      value = value * 10 + static_cast<std::uint64_t>(own[at++] - '0');
    return value;
  };
  while (const auto inside = number()) {
    (void)number();  // what it is outside does not matter to the child
    const std::uint64_t count = number().value_or(0);
    map.text += std::to_string(*inside) + ' ' + std::to_string(*inside) + ' ' + std::to_string(count) + '\n';
    map.has_tty_group = map.has_tty_group || (*inside <= 5 && 5 < *inside + count);
  }
  return map;
}

void raise_loopback() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  if (fd < 0 || ::ioctl(fd, SIOCGIFFLAGS, &request) != 0) give_up(SetupStep::kLoopback, errno);
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (::ioctl(fd, SIOCSIFFLAGS, &request) != 0) give_up(SetupStep::kLoopback, errno);
  ::close(fd);
}

// Reaps everything until the command ends, says how it ended, and exits, upon which the kernel kills the
// rest.
[[noreturn]] void reap_until(pid_t command) {
  while (true) {
    int status = 0;
    const pid_t got = ::wait4(-1, &status, 0, nullptr);
    if (got < 0 && errno != EINTR) give_up(SetupStep::kFork, errno);
    if (got != command) continue;
    report_end(status);
  }
}

[[noreturn]] void run_pid1(const SandboxSpec& spec, const HostMounts& host, const MountOptions& options,
                           int go_fd, int emulation_fd, const std::string& usual_score) {
  OomScore score;  // before we are somebody else
  // 1. Die with the monitor.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(SetupStep::kDeathSignal, errno);
  // 2. Wait for the maps: until then we are nobody and may do nothing.
  char go = 0;
  if (::read(go_fd, &go, 1) != 1) ::_exit(127);
  //    The monitor may have died before 1., after it wrote: it holds its end of the pipe for as long as it
  //    lives. (getppid() says nothing here; a parent outside our pid namespace is always 0.)
  struct pollfd monitor{.fd = go_fd, .events = 0, .revents = 0};
  if (::poll(&monitor, 1, 0) != 0) ::_exit(127);
  ::close(go_fd);
  if (spec.cgroup_fd >= 0 && ::unshare(CLONE_NEWCGROUP) != 0)
    give_up(SetupStep::kCgroup, errno, "its namespace");
  // 3. Before the first mount, or it would spread to the build's namespace where mounts are shared.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    give_up(SetupStep::kPrivateMounts, errno);
  // 4. The tree, ending with pivot_root.
  build_root(spec, host, options);
  // 5. While all capabilities over the namespaces are held; the mounts do not depend on them. A filter may
  //    refuse it whatever we may do in our namespace (podman's does). Then it stays the container's.
  if (::sethostname(spec.hostname.data(), spec.hostname.size()) != 0 && errno != EPERM)
    give_up(SetupStep::kHostname, errno, spec.hostname);
  if (spec.network == SandboxNetwork::kNone) raise_loopback();
  // 6. An empty keyring in place of the caller's, whose keys would be in reach.
  if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 && errno != ENOSYS && errno != EPERM)
    give_up(SetupStep::kKeyring, errno);
  // 7. Nobody inside may look into pid 1 (/proc/1/fd, /proc/1/exe, ptrace). Before the fork: the command must
  //    not run first. The command becomes dumpable again by its exec.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) give_up(SetupStep::kFork, errno);
  // 8. The command is never pid 1: signals without a handler would not reach it, abort() would not end it.
  const pid_t command = ::fork();
  if (command < 0) give_up(SetupStep::kFork, errno);
  if (command == 0) become_command(spec, host.null_fd, emulation_fd);
  score.restore(usual_score);
  // 9. Only the status pipe is kept: the output pipes must end with the command's processes, not with us.
  ::close(0);
  ::close(1);
  ::close(2);
  ::close(kSpecFd);
  (void)::syscall(SYS_close_range, static_cast<unsigned>(kStatusFd + 1), ~0U, 0U);
  reap_until(command);
}

// `in_group` tells whether the child is in the control group already.
pid_t clone_with(std::uint64_t flags, int cgroup, bool& in_group) {
  struct clone_args args{};
  args.flags = flags;
  args.exit_signal = SIGCHLD;
  in_group = cgroup >= 0;
  if (in_group) {
    // Without the lock that moving a process later takes, which can cost tens of milliseconds.
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(cgroup);
    if (const long pid = ::syscall(SYS_clone3, &args, sizeof args); pid >= 0) return static_cast<pid_t>(pid);
    in_group = false;
    args.flags = flags;
  }
  const long pid = ::syscall(SYS_clone3, &args, sizeof args);
  if (pid >= 0 || errno != ENOSYS) return static_cast<pid_t>(pid);
  // Filters that cannot look behind clone3's pointer answer ENOSYS and let clone(2) pass.
  return static_cast<pid_t>(::syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
}

// Moves what supervise() needs to the two numbers behind kStatusFd.
void keep_for_emulation(SandboxSpec& spec, int& socket) {
  constexpr int kSocket = kStatusFd + 1;
  constexpr int kJournal = kStatusFd + 2;
  const int journal = spec.journal_fd < 0 ? -1 : ::fcntl(spec.journal_fd, F_DUPFD_CLOEXEC, kJournal + 1);
  if (spec.journal_fd >= 0 && journal < 0) give_up(SetupStep::kEmulation, errno, "its journal");
  const int moved = ::fcntl(socket, F_DUPFD_CLOEXEC, kJournal + 1);
  if (moved < 0 || ::dup2(moved, kSocket) < 0) give_up(SetupStep::kEmulation, errno, "a socket");
  ::close(kJournal);
  if (journal >= 0 && ::dup2(journal, kJournal) < 0) give_up(SetupStep::kEmulation, errno, "its journal");
  socket = kSocket;
  spec.journal_fd = journal < 0 ? -1 : kJournal;
}

int monitor() {
  // The status pipe must not be in the command's hands, whatever path leads to its exec.
  ::fcntl(kStatusFd, F_SETFD, FD_CLOEXEC);
  std::optional<SandboxSpec> spec = decode(read_all(kSpecFd, SetupStep::kReadSpec, ""));
  if (!spec) give_up(SetupStep::kReadSpec, EBADMSG);
  OomScore score;
  if (spec->oom_score_adj >= 0 && !score.raise(spec->oom_score_adj))
    give_up(SetupStep::kOomScore, errno, "/proc/self/oom_score_adj");
  if (spec->isolation == Isolation::kChroot) {
    run_in_chroot(*spec, score);
    return 0;
  }
  const HostMounts host = prepare_host_mounts(*spec);
  // Before the new user namespace exists, which has no power over the network namespace to be joined.
  if (spec->network == SandboxNetwork::kJoin && ::setns(spec->network_fd, CLONE_NEWNET) != 0)
    give_up(SetupStep::kJoinNetwork, errno);
  const bool own_users = spec->isolation != Isolation::kMountNamespace;
  const ChildMap uid_map = repeat_extents(read_file("/proc/self/uid_map"));
  const ChildMap gid_map = repeat_extents(read_file("/proc/self/gid_map"));

  int go[2];
  if (::pipe2(go, O_CLOEXEC) != 0) give_up(SetupStep::kNamespaces, errno);
  // The listener of root emulation comes to us through it.
  int emulation[2] = {-1, -1};
  if (spec->emulate_ids && ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, emulation) != 0)
    give_up(SetupStep::kEmulation, errno, "a socket");
  const bool own_network = spec->network == SandboxNetwork::kNone;
  // All in one call: the user namespace is made first and then owns the others.
  // A cgroup namespace shows its root as it was when it was made: that of a group of its own pid 1 has to
  // make.
  bool in_group = false;
  const pid_t child =
      clone_with((own_users ? CLONE_NEWUSER : 0) | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
                     (spec->cgroup_fd < 0 ? CLONE_NEWCGROUP : 0) | (own_network ? CLONE_NEWNET : 0),
                 spec->cgroup_fd, in_group);
  if (child < 0) give_up(SetupStep::kNamespaces, errno);
  if (child == 0) {
    ::close(go[1]);
    run_pid1(*spec, host, {.own_network = own_network, .tty_group = gid_map.has_tty_group}, go[0],
             emulation[1], score.usual());
  }
  score.restore();
  ::close(go[0]);
  const std::string proc = "/proc/" + std::to_string(child);
  if (own_users) {
    write_file(SetupStep::kWriteMaps, proc + "/uid_map", uid_map.text);
    write_file(SetupStep::kWriteMaps, proc + "/gid_map", gid_map.text);
  }
  if (spec->cgroup_fd >= 0 && !in_group)
    if (const int error = join_cgroup(spec->cgroup_fd, child); error != 0)
      give_up(SetupStep::kCgroup, error, "cgroup.procs");
  // Kept, in place of the spec, for pid 1 to see whether we live.
  constexpr int kGoFd = kSpecFd;
  if (::dup2(go[1], kGoFd) < 0 || ::write(kGoFd, "g", 1) != 1) give_up(SetupStep::kNamespaces, errno);
  // Nothing of the sandbox may be held by us: a pipe's reader waits for its last writer.
  if (spec->emulate_ids) keep_for_emulation(*spec, emulation[0]);
  (void)::syscall(SYS_close_range, 0U, static_cast<unsigned>(kGoFd - 1), 0U);
  (void)::syscall(SYS_close_range, static_cast<unsigned>(kStatusFd + (spec->emulate_ids ? 3 : 1)), ~0U, 0U);
  if (spec->emulate_ids) supervise(*spec, emulation[0], child);
  // Pid 1 is reaped when every process of its namespace is gone, so our end is theirs.
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return 0;
}

}  // namespace
}  // namespace shale::runtime

int main() { return shale::runtime::serve_monitors(shale::runtime::monitor); }
