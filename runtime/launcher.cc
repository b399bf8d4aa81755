// SPDX-License-Identifier: Apache-2.0
#include "runtime/launcher.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "runtime/fd_message.h"
#include "runtime/wire.h"
#include "sys/files.h"

namespace shale::runtime {

RunningSandbox::RunningSandbox(sys::ChildProcess process, UniqueFd status, std::string program)
    : process_(std::move(process)), status_(std::move(status)), program_(std::move(program)) {}

void RunningSandbox::kill() {
  // The monitor's death takes pid 1 along (its parent-death signal), and pid 1 everything else.
  if (process_.running()) (void)process_.send_signal(SIGKILL);  // it may have ended by itself
}

Result<SandboxOutcome> RunningSandbox::finish() {
  if (!process_.running()) return fail(ErrorKind::kInternal, "the sandbox was finished twice");
  SandboxOutcome outcome;
  outcome.kind = SandboxOutcome::Kind::kKilled;
  outcome.signal = SIGKILL;
  // To the end of the file: that comes when the monitor, pid 1 and the command have all closed it.
  bool failed = false;
  while (true) {
    StatusRecord record;
    const ssize_t got = ::read(status_.get(), &record, sizeof record);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read the sandbox's status");
    if (got == 0) break;
    if (got != sizeof record) return fail(ErrorKind::kInternal, "the sandbox's status is cut off");
    // The first failure is the cause. What pid 1 says afterwards is only that pid 2 gave up.
    if (failed) continue;
    if (record.kind == StatusRecord::Kind::kSetupFailed) {
      failed = true;
      record.operand[sizeof record.operand - 1] = '\0';
      outcome.kind = SandboxOutcome::Kind::kSetupFailed;
      outcome.signal = 0;
      outcome.error = setup_error(record, program_);
      outcome.code = outcome.error->step_status();
      continue;
    }
    outcome.usage = record.usage;
    outcome.signal = WIFSIGNALED(record.wait_status) ? WTERMSIG(record.wait_status) : 0;
    outcome.code = WIFEXITED(record.wait_status) ? WEXITSTATUS(record.wait_status) : 0;
    outcome.kind = outcome.signal != 0 ? SandboxOutcome::Kind::kSignalled : SandboxOutcome::Kind::kExited;
  }
  ASSIGN_OR_RETURN(const sys::ExitStatus monitor, process_.wait());
  // The command's end is not the last thing: owners are written down after it, and what was moved into a
  // chroot is moved out. A monitor that was killed before that has left a tree that is not the step's result.
  if (outcome.ok() && !monitor.ok()) {
    outcome.kind = SandboxOutcome::Kind::kKilled;
    outcome.signal = SIGKILL;
  }
  outcome.wall_time = std::chrono::steady_clock::now() - started_;
  status_.reset();
  return outcome;
}

Result<Launcher> Launcher::create() {
  ASSIGN_OR_RETURN(const std::string path, sys::helper_path("shale-runtime"));
  return create(path);
}

Result<Launcher> Launcher::create(const std::string& runtime_path) {
  ASSIGN_OR_RETURN(const std::string bytes, sys::read_file(AT_FDCWD, runtime_path));
  Launcher launcher;
  ASSIGN_OR_RETURN(launcher.program_, sys::sealed_memfd("shale-runtime", bytes));
  RETURN_IF_ERROR(launcher.start_server());
  return launcher;
}

Status Launcher::start_server() {
  ASSIGN_OR_RETURN(FdPair ends, sys::make_socket_pair(SOCK_SEQPACKET));
  sys::SpawnOptions options;
  options.program_fd = program_.get();
  options.args = {"shale-runtime"};
  options.env = std::vector<std::string>{};  // nothing of ours is to be read in /proc
  options.fds = {{ends.second.get(), kRequestFd}};
  options.new_session = true;  // Ctrl-C is for the builder to handle
  ASSIGN_OR_RETURN(server_, sys::spawn(options));
  requests_ = std::move(ends.first);
  return {};
}

Result<pid_t> Launcher::fork_monitor(const std::vector<int>& fds) {
  // Twice: if somebody has killed the server, another does as well.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!requests_) RETURN_IF_ERROR(start_server());
    int error = send_fds(requests_.get(), 0, fds);
    if (error == 0) {
      const FdMessage answer = receive_fds(requests_.get());
      if (answer.error == 0 && answer.value > 0) return answer.value;
      error = answer.error != 0 ? answer.error : -answer.value;
    }
    if (error != EPIPE && error != ECONNRESET)
      return fail(sys::start_error(error, "start a sandbox's monitor"));
    requests_.reset();
  }
  return fail(ErrorKind::kSystem, "start a sandbox's monitor: shale-runtime has ended");
}

Result<RunningSandbox> Launcher::start(const SandboxSpec& spec) {
  RETURN_IF_ERROR(validate(spec));
  const auto started = std::chrono::steady_clock::now();
  const EncodedSpec encoded = encode(spec);
  ASSIGN_OR_RETURN(UniqueFd spec_fd, sys::sealed_memfd("sandbox-spec", encoded.bytes));
  ASSIGN_OR_RETURN(FdPair status, sys::make_pipe());
  std::vector<int> fds = {spec_fd.get(), status.second.get()};  // kSpecFd, kStatusFd
  fds.insert(fds.end(), encoded.fds.begin(), encoded.fds.end());
  ASSIGN_OR_RETURN(const pid_t pid, fork_monitor(fds));
  ASSIGN_OR_RETURN(sys::ChildProcess process, sys::adopt_child(pid));
  RunningSandbox sandbox(std::move(process), std::move(status.first), spec.args[0]);
  sandbox.started_ = started;
  return sandbox;
}

}  // namespace shale::runtime
