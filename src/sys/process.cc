// SPDX-License-Identifier: Apache-2.0
#include "sys/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "sys/argv.h"
#include "sys/files.h"

namespace shale::sys {

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  return *this;
}

ChildProcess::~ChildProcess() {
  if (!running()) return;
  (void)send_signal(SIGKILL);  // it may have ended by itself
  (void)wait();
}

Status ChildProcess::send_signal(int signal) const {
  if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0) != 0)
    return fail_errno(errno, fmt::format("signal process {}", pid_));
  return {};
}

Result<ExitStatus> ChildProcess::wait() {
  ExitStatus status;
  int raw = 0;
  pid_t got = 0;
  do got = ::wait4(pid_, &raw, 0, &status.usage);
  while (got < 0 && errno == EINTR);
  const pid_t pid = std::exchange(pid_, -1);
  if (got < 0) return fail_errno(errno, fmt::format("wait for process {}", pid));
  if (WIFSIGNALED(raw))
    status.signal = WTERMSIG(raw);
  else
    status.code = WEXITSTATUS(raw);
  return status;
}

namespace {

// What a child does until it is another program.
struct ChildPlan {
  const SpawnOptions& options;
  pid_t parent;
  char* const* argv;
  char* const* envp;
  std::vector<std::pair<int, int>> fds;  // {ours, its number}; the first are the child's to change
  int lowest_free;                       // above every number wanted
  int error_fd;
};

// Runs in the child, in its parent's memory: async-signal-safe calls only, no allocation, and nothing is
// written that spawn() reads again. Never returns; on failure writes the errno to `error_fd`.
[[noreturn]] void become(ChildPlan& plan) {
  const SpawnOptions& options = plan.options;
  int error_fd = plan.error_fd;
  const auto give_up = [&] {
    const int error = errno;
    (void)!::write(error_fd, &error, sizeof error);
    ::_exit(127);
  };
  struct sigaction usual{};
  usual.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal)
    (void)::sigaction(signal, &usual, nullptr);  // not for KILL and STOP
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (options.new_session) ::setsid();
  if (options.die_with_parent) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up();
    if (::getppid() != plan.parent) ::_exit(127);  // the parent died before the line above
  }
  if (!options.working_directory.empty() && ::chdir(options.working_directory.c_str()) != 0) give_up();
  // First above every number wanted, then down to it, so that no wanted number overwrites a source. The error
  // pipe and the program go above too; they are close-on-exec there.
  const int safe_error_fd = ::fcntl(error_fd, F_DUPFD_CLOEXEC, plan.lowest_free);
  if (safe_error_fd < 0) give_up();
  error_fd = safe_error_fd;
  int program_fd = options.program_fd;
  if (program_fd >= 0 && (program_fd = ::fcntl(program_fd, F_DUPFD_CLOEXEC, plan.lowest_free)) < 0) give_up();
  for (std::size_t i = 0; i < plan.fds.size(); ++i)
    if ((plan.fds[i].first = ::fcntl(plan.fds[i].first, F_DUPFD_CLOEXEC, plan.lowest_free)) < 0) give_up();
  bool standard[3] = {false, false, false};
  for (std::size_t i = 0; i < plan.fds.size(); ++i) {
    if (::dup2(plan.fds[i].first, plan.fds[i].second) < 0) give_up();
    if (plan.fds[i].second < 3) standard[plan.fds[i].second] = true;
  }
  for (int fd = 0; fd < 3; ++fd) {
    if (standard[fd]) continue;
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || (null != fd && ::dup2(null, fd) < 0)) give_up();
    if (null == fd) ::fcntl(fd, F_SETFD, 0);
  }
  // Everything is close-on-exec by rule; this catches what a library or our own caller left open.
  (void)::syscall(SYS_close_range, static_cast<unsigned>(plan.lowest_free), ~0U,
                  4U /* CLOSE_RANGE_CLOEXEC */);
  for (int fd = 3; fd < plan.lowest_free; ++fd) {
    bool wanted = false;
    for (std::size_t i = 0; i < plan.fds.size(); ++i) wanted = wanted || plan.fds[i].second == fd;
    if (!wanted) ::close(fd);
  }
  if (program_fd >= 0)
    (void)::syscall(SYS_execveat, program_fd, "", plan.argv, plan.envp, AT_EMPTY_PATH);
  else
    ::execve(options.program.c_str(), plan.argv, plan.envp);
  give_up();
  ::_exit(127);
}

// All signals are held back over the fork: a handler of ours must not run in the child. That has our memory
// until it is another program, and this thread waits for it: copying our page tables takes as long as
// starting a sandbox's program. A function of its own, with nothing in it that the child could overwrite. -1
// and errno.
[[gnu::noinline]] pid_t fork_into(ChildPlan& plan) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::vfork();  // NOLINT(bugprone-unsafe-functions): become() does not wait for anything
  if (pid == 0) become(plan);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return pid;
}

}  // namespace

Result<ChildProcess> spawn(const SpawnOptions& options) {
  ASSIGN_OR_RETURN(FdPair error_pipe, make_pipe());
  const std::vector<char*> argv = exec_list(options.args);
  const std::vector<char*> env = options.env ? exec_list(*options.env) : std::vector<char*>{};
  ChildPlan plan{.options = options,
                 .parent = ::getpid(),
                 .argv = argv.data(),
                 .envp = options.env ? env.data() : environ,
                 .fds = options.fds,
                 .lowest_free = 3,
                 .error_fd = error_pipe.second.get()};
  for (const auto& [ours, theirs] : plan.fds) plan.lowest_free = std::max(plan.lowest_free, theirs + 1);
  const pid_t pid = fork_into(plan);
  if (pid < 0)
    return fail(start_error(
        errno, fmt::format("start {}", options.args.empty() ? options.program : options.args[0])));

  error_pipe.second.reset();
  ASSIGN_OR_RETURN(ChildProcess child, adopt_child(pid));
  int exec_error = 0;
  ssize_t got = 0;
  do got = ::read(error_pipe.first.get(), &exec_error, sizeof exec_error);
  while (got < 0 && errno == EINTR);
  if (got == sizeof exec_error) {
    (void)child.wait();
    return fail_errno(exec_error,
                      fmt::format("run {}", options.program.empty() ? options.args[0] : options.program));
  }
  return child;
}

Error start_error(int errno_value, std::string what) {
  Error error = Error::system(errno_value, std::move(what));
  if (errno_value == EAGAIN)
    error.add_hint(
        "no more processes may be started: raise 'ulimit -u', or the container's limit (docker run "
        "--pids-limit)");
  return error;
}

Result<ChildProcess> adopt_child(pid_t pid) {
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (pidfd) return ChildProcess(pid, std::move(pidfd));
  const int error = errno;
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  return fail_errno(error, "open a pidfd");
}

Result<std::string> self_path() { return read_link(AT_FDCWD, "/proc/self/exe"); }

Result<std::string> helper_path(std::string_view name) {
  ASSIGN_OR_RETURN(const std::string self, self_path());
  const std::string dir = self.substr(0, self.find_last_of('/'));
  for (const std::string& path :
       {fmt::format("{}/{}", dir, name), fmt::format("{}/../libexec/shale/{}", dir, name)})
    if (::access(path.c_str(), X_OK) == 0) return path;
  return fail(
      ErrorKind::kSystem,
      fmt::format("the helper program '{}' is neither beside {} nor in ../libexec/shale", name, self));
}

std::string find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::string_view dir = rest.substr(0, colon);
    rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
    if (!dir.starts_with('/')) continue;
    std::string candidate = fmt::format("{}/{}", dir, name);
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

Result<FdPair> make_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return fail_errno(errno, "make a pipe");
  return FdPair{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Result<FdPair> make_socket_pair(int type) {
  int fds[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0) return fail_errno(errno, "make a socket pair");
  return FdPair{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Result<UniqueFd> sealed_memfd(const std::string& name, std::string_view content) {
  UniqueFd fd(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return fail_errno(errno, "make a memory file");
  RETURN_IF_ERROR(write_all(fd.get(), content));
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
    return fail_errno(errno, "seal a memory file");
  if (::lseek(fd.get(), 0, SEEK_SET) < 0) return fail_errno(errno, "rewind a memory file");
  return fd;
}

}  // namespace shale::sys
