// SPDX-License-Identifier: Apache-2.0
// The system calls of shale-runtime that the C library has no function for, and the few that need a retry.
#pragma once

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace shale::runtime {

// openat2(2), again when a rename somewhere on the path made the kernel unsure (EAGAIN).
inline int open_resolved(int dir, const char* path, std::uint64_t flags, std::uint64_t resolve) {
  struct open_how how;
  std::memset(&how, 0, sizeof how);
  how.flags = flags | O_CLOEXEC;
  how.resolve = resolve;
  long fd = -1;
  for (int attempt = 0; attempt < 128; ++attempt) {
    fd = ::syscall(SYS_openat2, dir, path, &how, sizeof how);
    if (fd >= 0 || errno != EAGAIN) break;
  }
  return static_cast<int>(fd);
}

// Sets mount attributes (MOUNT_ATTR_…) on a mount given by descriptor.
inline int set_mount_attributes(int fd, std::uint64_t attributes, bool recursive) {
  if (attributes == 0) return 0;
  struct mount_attr attr;
  std::memset(&attr, 0, sizeof attr);
  attr.attr_set = attributes;
  return ::mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof attr);
}

// Attaches a detached mount on what `target_fd` names: descriptors only, no path is looked at again.
inline int attach_mount(int mount_fd, int target_fd) {
  return ::move_mount(mount_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

}  // namespace shale::runtime
