// SPDX-License-Identifier: Apache-2.0
#include "sys/lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <cerrno>

#include "sys/files.h"

namespace shale::sys {

namespace {

Result<UniqueFd> lock_file(int dir, std::string_view path, int operation) {
  ASSIGN_OR_RETURN(UniqueFd fd, open_at(dir, path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  int done = 0;
  do done = ::flock(fd.get(), operation);
  while (done != 0 && errno == EINTR);
  if (done != 0 && errno == EWOULDBLOCK)
    return fail(ErrorKind::kBusy, fmt::format("lock '{}': somebody else holds it", path));
  if (done != 0) return fail_errno(errno, fmt::format("lock '{}'", path));
  return fd;
}

int operation_of(FileLock::Mode mode) { return mode == FileLock::Mode::kShared ? LOCK_SH : LOCK_EX; }

}  // namespace

Result<FileLock> FileLock::try_acquire(int dir, std::string_view path, Mode mode) {
  ASSIGN_OR_RETURN(UniqueFd fd, lock_file(dir, path, operation_of(mode) | LOCK_NB));
  return FileLock(std::move(fd));
}

Result<FileLock> FileLock::acquire(int dir, std::string_view path, Mode mode) {
  ASSIGN_OR_RETURN(UniqueFd fd, lock_file(dir, path, operation_of(mode)));
  return FileLock(std::move(fd));
}

}  // namespace shale::sys
