// SPDX-License-Identifier: Apache-2.0
#include "runtime/chroot_sandbox.h"

#include <dirent.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>

#include "runtime/cgroup_join.h"
#include "runtime/command.h"
#include "runtime/kernel.h"
#include "runtime/process_stat.h"
#include "runtime/report.h"
#include "runtime/swapped_mounts.h"

namespace shale::runtime {

namespace {

volatile sig_atomic_t guard_gone = 0;
void note_guard_gone(int) { guard_gone = 1; }

// 0 if it is gone.
pid_t parent_of(const char* pid) {
  char path[sizeof "/proc//stat" + NAME_MAX];  // `pid` is a name in a directory
  std::snprintf(path, sizeof path, "/proc/%s/stat", pid);
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[512];
  const ssize_t size = ::read(fd, text, sizeof text);
  ::close(fd);
  return size <= 0 ? 0 : parent_in_stat({text, static_cast<std::size_t>(size)});
}

// Everything that descends from us.
std::set<pid_t> descendants() {
  std::multimap<pid_t, pid_t> children;
  if (DIR* proc = ::opendir("/proc"); proc != nullptr) {
    while (const struct dirent* entry = ::readdir(proc))
      if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
        children.emplace(parent_of(entry->d_name), static_cast<pid_t>(std::atoi(entry->d_name)));
    ::closedir(proc);
  }
  std::set<pid_t> found;
  std::set<pid_t> wave{::getpid()};
  while (!wave.empty()) {
    std::set<pid_t> next;
    for (const pid_t parent : wave) {
      const auto [first, last] = children.equal_range(parent);
      for (auto child = first; child != last; ++child)
        if (found.insert(child->second).second) next.insert(child->second);
    }
    wave = std::move(next);
  }
  return found;
}

// Kills until there is nobody left to wait for: who was forked meanwhile is found the next time.
void kill_everyone() {
  constexpr useconds_t kPause = 500;
  while (true) {
    for (const pid_t pid : descendants()) ::kill(pid, SIGKILL);
    while (true) {
      const pid_t got = ::waitpid(-1, nullptr, WNOHANG);
      if (got > 0 || (got < 0 && errno == EINTR)) continue;
      if (got < 0) return;  // ECHILD
      break;
    }
    ::usleep(kPause);
  }
}

// Orphans come to us. Nobody may look into us, whose memory holds what the command was given.
void become_keeper_of_orphans() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
    give_up(SetupStep::kFork, errno);
}

[[noreturn]] void enter_and_run(const SandboxSpec& spec, int null_fd, pid_t keeper) {
  // It ends with the keeper; what it has started by then is the guard's.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(SetupStep::kDeathSignal, errno);
  if (::getppid() != keeper) ::_exit(127);
  if (::fchdir(spec.root_fd) != 0 || ::chroot(".") != 0 || ::chdir("/") != 0)
    give_up(SetupStep::kPivot, errno);
  // Docker's filter refuses it.
  (void)::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
  become_command(spec, null_fd, -1);
}

[[noreturn]] void keep(const SandboxSpec& spec, int null_fd, pid_t guard, const std::string& usual_score) {
  OomScore score;
  become_keeper_of_orphans();
  struct sigaction action{};
  action.sa_handler = note_guard_gone;  // without SA_RESTART: the wait below has to end
  ::sigaction(SIGTERM, &action, nullptr);
  if (::prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) give_up(SetupStep::kDeathSignal, errno);
  if (::getppid() != guard) ::_exit(127);
  if (spec.cgroup_fd >= 0)
    if (const int error = join_cgroup(spec.cgroup_fd, 0); error != 0)
      give_up(SetupStep::kCgroup, error, "cgroup.procs");
  const pid_t keeper = ::getpid();
  const pid_t command = ::fork();
  if (command < 0) give_up(SetupStep::kFork, errno);
  if (command == 0) enter_and_run(spec, null_fd, keeper);
  score.restore(usual_score);
  // The output pipes must end with the command's processes, not with us.
  (void)::syscall(SYS_close_range, 0U, static_cast<unsigned>(kSpecFd), 0U);
  (void)::syscall(SYS_close_range, static_cast<unsigned>(kStatusFd + 1), ~0U, 0U);
  while (guard_gone == 0) {
    int status = 0;
    const pid_t got = ::wait4(-1, &status, 0, nullptr);
    if (got < 0 && errno != EINTR) give_up(SetupStep::kFork, errno);
    if (got != command) continue;
    kill_everyone();
    report_end(status);
  }
  kill_everyone();
  ::_exit(127);
}

}  // namespace

void run_in_chroot(const SandboxSpec& spec, OomScore& score) {
  become_keeper_of_orphans();
  SwappedMounts mounts(spec.root_fd, spec.scratch_fd);
  const int null_fd = mounts.swap_in_dev();
  for (const SandboxMount& mount : spec.mounts) mounts.swap_in(mount);
  const pid_t guard = ::getpid();
  const pid_t keeper = ::fork();
  if (keeper < 0) give_up(SetupStep::kFork, errno);
  if (keeper == 0) keep(spec, null_fd, guard, score.usual());
  score.restore();
  ::close(null_fd);
  for (const int fd : {spec.stdout_fd, spec.stderr_fd})
    if (fd >= 0) ::close(fd);
  while (::waitpid(keeper, nullptr, 0) < 0 && errno == EINTR) {
  }
  kill_everyone();
  mounts.swap_out();
}

}  // namespace shale::runtime
