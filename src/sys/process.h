// SPDX-License-Identifier: Apache-2.0
// Processes: start a program, wait for it, kill it; signals as a descriptor.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"

namespace shale::sys {

// How a process ended.
struct ExitStatus {
  int code = 0;    // exit code, when signal == 0
  int signal = 0;  // 0 = it exited
  struct rusage usage{};
  [[nodiscard]] bool ok() const { return code == 0 && signal == 0; }
  // The shell's convention: code, or 128 + signal.
  [[nodiscard]] int shell_code() const { return signal != 0 ? 128 + signal : code; }
};

// Owns a child process by pidfd. The destructor kills (SIGKILL) and reaps what still runs.
class ChildProcess {
 public:
  ChildProcess() = default;
  ChildProcess(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  [[nodiscard]] pid_t pid() const { return pid_; }
  // Readable (POLLIN) once the process has ended.
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  [[nodiscard]] bool running() const { return pid_ > 0; }
  Status send_signal(int signal) const;
  // Blocks until it ended, and reaps it.
  Result<ExitStatus> wait();

 private:
  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

struct SpawnOptions {
  // Program by path (absolute, or relative to the working directory), or by descriptor with program_fd >= 0.
  std::string program;
  int program_fd = -1;
  std::vector<std::string> args;                // args[0] is the name it sees
  std::optional<std::vector<std::string>> env;  // none = ours
  // Descriptors the child gets: {ours, its number}. Anything not named here is closed in the child, 0, 1 and
  // 2 included when not named: those then are /dev/null.
  std::vector<std::pair<int, int>> fds;
  std::string working_directory;  // empty = ours
  bool new_session = false;       // setsid: not reached by the terminal's Ctrl-C
  bool die_with_parent = true;    // PR_SET_PDEATHSIG SIGKILL: call only from a thread that outlives the child
};
// Starts a program. Between fork and exec only async-signal-safe calls are made, so threads may exist. A
// failed exec is reported here.
Result<ChildProcess> spawn(const SpawnOptions& options);
// The error of a process or a thread that could not be started; where a limit is the reason, it says which.
Error start_error(int errno_value, std::string what);
// Owns a child that another way than spawn() made. It is killed if it cannot be owned.
Result<ChildProcess> adopt_child(pid_t pid);

// The path of this program, from /proc/self/exe.
Result<std::string> self_path();

// A helper program of ours: beside this program (the build tree), else in ../libexec/shale relative to it
// (installed), so that an installation can be moved.
Result<std::string> helper_path(std::string_view name);

// The path of a program in one of the absolute directories of PATH (the working directory is the user's
// project); empty if there is none.
std::string find_program(const std::string& name);

Result<FdPair> make_pipe();
// A connected pair of SOCK_SEQPACKET or SOCK_STREAM unix sockets.
Result<FdPair> make_socket_pair(int type);
// An anonymous file with this content, sealed against any change.
Result<UniqueFd> sealed_memfd(const std::string& name, std::string_view content);

}  // namespace shale::sys
