// SPDX-License-Identifier: Apache-2.0
#include "base/unique_fd.h"

#include <unistd.h>

#include <cerrno>

namespace shale {

void UniqueFd::reset(int fd) {
  // Linux closes the descriptor even when close() reports EINTR, so there is no retry.
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Status UniqueFd::close() {
  const int fd = release();
  if (fd >= 0 && ::close(fd) != 0 && errno != EINTR) return fail_errno(errno, "close a file");
  return {};
}

}  // namespace shale
