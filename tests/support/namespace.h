// SPDX-License-Identifier: Apache-2.0
// Tests that mount something do it in a child with a user and a mount namespace of its own: the machine's
// mounts are out of reach, and root is not needed.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "sys/files.h"

namespace shale::test {

inline constexpr int kCannot = 77;  // automake's exit code of a skipped test

// Expectations of a child: the first that fails is printed and ends it.
#define CHECK_IN_CHILD(condition)                                          \
  do {                                                                     \
    if (!(condition)) {                                                    \
      std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      return 1;                                                            \
    }                                                                      \
  } while (false)
#define CHECK_OK_IN_CHILD(result)                                                                     \
  do {                                                                                                \
    if (!(result)) {                                                                                  \
      std::fprintf(stderr, "%s:%d: %s", __FILE__, __LINE__, render((result).error(), false).c_str()); \
      return 1;                                                                                       \
    }                                                                                                 \
  } while (false)

// The caller becomes root of a user namespace with one id, and gets private mounts.
inline bool enter_namespace() {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  const auto write = [](const char* path, const std::string& text) {
    const Result<UniqueFd> fd = sys::open_at(AT_FDCWD, path, O_WRONLY);
    return fd && sys::write_all(fd->get(), text);
  };
  return write("/proc/self/setgroups", "deny") && write("/proc/self/uid_map", fmt::format("0 {} 1", uid)) &&
         write("/proc/self/gid_map", fmt::format("0 {} 1", gid)) &&
         ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

// The exit status of a child that entered namespaces and returned `body()`; kCannot where there are none.
template <typename Body>
int run_in_namespace(const Body& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(enter_namespace() ? body() : kCannot);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace shale::test
