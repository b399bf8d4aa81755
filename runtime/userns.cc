// SPDX-License-Identifier: Apache-2.0
// Entering the build's user and mount namespace.
#include "runtime/userns.h"

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

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "runtime/map_helpers.h"
#include "runtime/namespace_error.h"
#include "sys/files.h"

namespace shale::runtime {

namespace {

// What the child reports on its way, each with the errno of a failure or 0.
enum class Stage : int { kUnshared, kReady };
struct StageReport {
  Stage stage = Stage::kUnshared;
  int errno_value = 0;
};

void report(int fd, Stage stage, int errno_value) {
  const StageReport text{stage, errno_value};
  (void)!::write(fd, &text, sizeof text);  // if the parent is gone, so are we
}

// The child, single-threaded, up to the body.
[[noreturn]] void run_child(BuildNamespaces namespaces, int report_fd, int go_fd, UniqueFd control,
                            const std::function<int(UniqueFd control)>& body) {
  const bool user = namespaces == BuildNamespaces::kUserAndMount;
  const bool mount = namespaces != BuildNamespaces::kNone;
  if (mount && ::unshare(CLONE_NEWNS | (user ? CLONE_NEWUSER : 0)) != 0) {
    report(report_fd, Stage::kUnshared, errno);
    ::_exit(127);
  }
  report(report_fd, Stage::kUnshared, 0);
  char go = 0;
  if (::read(go_fd, &go, 1) != 1) ::_exit(127);
  int error = 0;
  if (user && (::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0)) error = errno;
  if (mount && error == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) error = errno;
  ::umask(022);
  // After the change of ids, which clears it. A parent that died before this line shows as the end of its
  // pipe.
  if (error == 0 && ::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) error = errno;
  struct pollfd parent{.fd = go_fd, .events = POLLIN, .revents = 0};
  if (error == 0 && ::poll(&parent, 1, 0) > 0) ::_exit(127);
  report(report_fd, Stage::kReady, error);
  if (error != 0) ::_exit(127);
  ::close(report_fd);
  ::close(go_fd);
  const int code = body(std::move(control));
  std::fflush(nullptr);
  ::_exit(code);
}

// The child's next report; an error if it ended, or said so.
Status expect(int fd, Stage stage, std::string what) {
  StageReport got;
  ssize_t size = 0;
  do size = ::read(fd, &got, sizeof got);
  while (size < 0 && errno == EINTR);
  if (size != sizeof got || got.stage != stage)
    return fail(ErrorKind::kSystem, what + ": the child ended early");
  if (got.errno_value == 0) return {};
  return fail(namespace_error(got.errno_value, std::move(what)));
}

}  // namespace

Result<BuildProcess> enter_build_namespace(const IdMaps& maps,
                                           const std::function<int(UniqueFd control)>& body) {
  return enter_build_namespace(maps, BuildNamespaces::kUserAndMount, body);
}

Result<BuildProcess> enter_build_namespace(const IdMaps& maps, BuildNamespaces namespaces,
                                           const std::function<int(UniqueFd control)>& body) {
  ASSIGN_OR_RETURN(FdPair reports, sys::make_pipe());
  ASSIGN_OR_RETURN(FdPair go, sys::make_pipe());
  ASSIGN_OR_RETURN(FdPair control, sys::make_socket_pair(SOCK_SEQPACKET));
  std::fflush(nullptr);  // or the child would print our buffers again
  const pid_t pid = ::fork();
  if (pid < 0) return fail(sys::start_error(errno, "start the build's process"));
  if (pid == 0) {
    reports.first.reset();
    go.second.reset();
    control.first.reset();
    run_child(namespaces, reports.second.get(), go.first.get(), std::move(control.second), body);
  }
  ASSIGN_OR_RETURN(sys::ChildProcess process, sys::adopt_child(pid));
  BuildProcess build{std::move(process), std::move(control.first)};
  reports.second.reset();
  go.first.reset();
  control.second.reset();
  RETURN_IF_ERROR(expect(reports.first.get(), Stage::kUnshared,
                         namespaces == BuildNamespaces::kUserAndMount
                             ? "create the build's user namespace"
                             : "create the build's mount namespace"));
  if (namespaces == BuildNamespaces::kUserAndMount) {
    ASSIGN_OR_RETURN(MapWriters writers, MapWriters::start(pid, maps));
    RETURN_IF_ERROR(writers.finish());
  }
  if (::write(go.second.get(), "g", 1) != 1) return fail_errno(errno, "start the build's process");
  RETURN_IF_ERROR(expect(reports.first.get(), Stage::kReady, "set up the build's mount namespace"));
  return build;
}

}  // namespace shale::runtime
