// SPDX-License-Identifier: Apache-2.0
// Moving a process into a control group. For the program shale-runtime only.
#pragma once

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace shale::runtime {

// `pid` 0 = the caller. `group` is the group's directory. An errno, or 0.
inline int join_cgroup(int group, pid_t pid) {
  const int procs = ::openat(group, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  if (procs < 0) return errno;
  const std::string text = std::to_string(pid);
  const int error = ::write(procs, text.data(), text.size()) < 0 ? errno : 0;
  ::close(procs);
  return error;
}

}  // namespace shale::runtime
