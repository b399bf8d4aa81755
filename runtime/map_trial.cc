// SPDX-License-Identifier: Apache-2.0
#include "runtime/map_trial.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "sys/files.h"

namespace shale::runtime {

namespace {

// Added to an errno in the exit status of the process: becoming root was not what failed.
constexpr int kGivingAway = 128;

// In the process, which shares nothing with us but is a copy of ours: system calls only. A server (NFS) knows
// ids of its own only, and takes no file for others.
int give_file_away(const char* path) {
  const int fd = ::open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const bool given = fd >= 0 && ::fchown(fd, 1, 1) == 0;
  const int error = errno;
  ::unlink(path);
  return given ? 0 : error;
}

}  // namespace

Result<MapTrial> MapTrial::start(const IdMaps& maps, const std::string& scratch) {
  const std::string file = scratch + "/given";
  ASSIGN_OR_RETURN(FdPair go, sys::make_pipe());
  std::fflush(nullptr);
  // A fork into a namespace: when it returns, there is something to map.
  const auto pid =
      static_cast<pid_t>(::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (pid < 0) {
    Error error = Error::system(errno, "create the build's user namespace");
    for (std::string& hint : namespace_hints(error.errno_value())) error.add_hint(std::move(hint));
    return fail(std::move(error));
  }
  if (pid == 0) {
    // Ends with us, too: the pipe does then.
    go.second.reset();
    char ready = 0;
    if (::read(go.first.get(), &ready, 1) != 1) ::_exit(EPIPE);
    if (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0) ::_exit(errno);
    const int error = give_file_away(file.c_str());
    ::_exit(error == 0 ? 0 : kGivingAway + error);  // every errno of these calls is below 128
  }
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const int error = errno;
  sys::ChildProcess process(pid, std::move(pidfd));
  if (process.pidfd() < 0) {
    ::kill(pid, SIGKILL);
    return fail_errno(error, "open a pidfd");
  }
  ASSIGN_OR_RETURN(MapWriters writers, MapWriters::start(pid, maps));
  return MapTrial(std::move(process), std::move(go.second), std::move(writers));
}

Status MapTrial::finish() {
  const Status written = writers_.finish();
  if (written && ::write(go_.get(), "g", 1) != 1) return fail_errno(errno, "start a process with mapped ids");
  go_.reset();
  ASSIGN_OR_RETURN(const sys::ExitStatus status, process_.wait());
  RETURN_IF_ERROR(written);
  if (status.code > kGivingAway)
    return fail(Error::system(status.code - kGivingAway, "give a file in the store to a subordinate id")
                    .hint("the store's file system keeps files of your own id only, as NFS does: put the "
                          "store elsewhere "
                          "(--root) for files of many ids"));
  return status.ok() ? Status() : Status(fail_errno(status.code, "become root with mapped ids"));
}

}  // namespace shale::runtime
