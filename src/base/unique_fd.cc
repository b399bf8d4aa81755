// SPDX-License-Identifier: Apache-2.0
#include "base/unique_fd.h"

#include <unistd.h>

#include <cerrno>

namespace shale {

Status UniqueFd::close() {
  const int fd = release();
  if (fd >= 0 && ::close(fd) != 0 && errno != EINTR) return fail_errno(errno, "close a file");
  return {};
}

}  // namespace shale
