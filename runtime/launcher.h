// SPDX-License-Identifier: Apache-2.0
// Launcher: turns a SandboxSpec into a confined process, and that into an outcome.
#pragma once

#include <sys/resource.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "runtime/sandbox_spec.h"
#include "sys/process.h"

namespace shale::runtime {

// What became of a sandbox.
struct SandboxOutcome {
  enum class Kind : std::uint8_t {
    kExited,       // the command ran and exited with `code`
    kSignalled,    // the command ran and `signal` ended it
    kKilled,       // the whole sandbox was killed before the command ended: by kill(), or from outside
    kSetupFailed,  // the command never ran; `error` says which step failed, on what, and what to do
  };
  Kind kind = Kind::kExited;
  int code = 0;
  int signal = 0;
  std::optional<Error> error;  // kSetupFailed; kStepFailed with status 126 or 127 if only the exec failed
  struct rusage usage{};       // of the command and every descendant that was reaped
  std::chrono::nanoseconds wall_time{};  // from start() until everything in the sandbox was gone
  [[nodiscard]] bool ok() const { return kind == Kind::kExited && code == 0; }
};

// Owns one sandbox. The destructor kills it and waits until all its processes are gone.
class RunningSandbox {
 public:
  // Readable (POLLIN) once every process of the sandbox is gone and finish() does not block.
  [[nodiscard]] int pidfd() const { return process_.pidfd(); }
  // Readable once something was reported (a failed set-up, the command's end) or on its end of file. For poll
  // only.
  [[nodiscard]] int status_fd() const { return status_.get(); }
  [[nodiscard]] pid_t pid() const { return process_.pid(); }

  // SIGKILL to all of it, at once. Harmless when it has ended.
  void kill();
  // Blocks until the command ended and every other process in the sandbox is gone. Once only.
  Result<SandboxOutcome> finish();

 private:
  friend class Launcher;
  RunningSandbox(sys::ChildProcess process, UniqueFd status, std::string program);
  sys::ChildProcess process_;
  UniqueFd status_;
  std::string program_;  // args[0], for messages
  std::chrono::steady_clock::time_point started_;
};

// One per build. Holds a sealed in-memory copy of the program shale-runtime, so that no process in a sandbox
// has an executable of ours that could be overwritten (CVE-2019-5736).
class Launcher {
 public:
  // Finds shale-runtime beside this program or in ../libexec/shale, and starts its server. On the thread that
  // is to start the sandboxes.
  static Result<Launcher> create();
  static Result<Launcher> create(const std::string& runtime_path);

  // Starts the command of `spec`. Call it inside the build's namespace, always from the same thread, which
  // lives as long as the sandboxes (a parent-death signal fires at the end of the *thread*); other threads
  // may exist. Returns when there is a monitor, not when the command runs: later failures are in the outcome.
  Result<RunningSandbox> start(const SandboxSpec& spec);

 private:
  Launcher() = default;
  Status start_server();
  // Our new child: the server's fork with these descriptors.
  Result<pid_t> fork_monitor(const std::vector<int>& fds);

  UniqueFd program_;
  // The process of shale-runtime whose forks the monitors are: starting the program for each of them, which
  // begins with a C library that asks the processor what it is, takes as long as a fifth of the whole
  // sandbox.
  sys::ChildProcess server_;
  UniqueFd requests_;  // our end of its socket
};

}  // namespace shale::runtime
