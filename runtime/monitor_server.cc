// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor_server.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/fd_message.h"
#include "runtime/wire.h"

namespace shale::runtime {

namespace {

// Gives the request's descriptors their numbers, from kSpecFd on, and closes everything else but 0, 1 and 2.
bool place(const std::vector<OwnedFd>& fds) {
  // First above every number wanted, then down to it, so that none is overwritten before it was moved.
  const int above = kSpecFd + static_cast<int>(fds.size());
  std::vector<int> moved;
  moved.reserve(fds.size());
  for (const OwnedFd& fd : fds) {
    moved.push_back(fd.get() >= above ? fd.get() : ::fcntl(fd.get(), F_DUPFD_CLOEXEC, above));
    if (moved.back() < 0) return false;
  }
  for (std::size_t i = 0; i < moved.size(); ++i)
    if (::dup2(moved[i], kSpecFd + static_cast<int>(i)) < 0) return false;
  return ::syscall(SYS_close_range, static_cast<unsigned>(above), ~0U, 0U) == 0;
}

}  // namespace

int serve_monitors(int (*monitor)()) {
  // An ignored signal stays ignored by exec.
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  const pid_t builder = ::getppid();
  while (true) {
    FdMessage request = receive_fds(kRequestFd);
    if (request.error == EPIPE || request.error == ECONNRESET) return 0;
    long pid = -request.error;
    if (request.error == 0) {
      pid = ::syscall(SYS_clone, CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
      if (pid < 0) pid = -errno;
    }
    if (pid == 0) {
      // It may have died before the first line.
      if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != builder || !place(request.fds))
        ::_exit(127);
      ::_exit(monitor());
    }
    // Before the answer: afterwards nobody but the sandbox may hold its mounts and pipes.
    request.fds.clear();
    if (send_fds(kRequestFd, static_cast<int>(pid), {}) != 0) return 0;
  }
}

}  // namespace shale::runtime
