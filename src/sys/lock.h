// SPDX-License-Identifier: Apache-2.0
// FileLock: an advisory lock that vanishes with its process.
#pragma once

#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace shale::sys {

// flock(2) on a file that is created when missing. The lock lives as long as the object, or any duplicate of
// its descriptor in a child. Moving keeps it.
class FileLock {
 public:
  enum class Mode { kShared, kExclusive };
  FileLock() = default;
  // kBusy when somebody else holds it.
  static Result<FileLock> try_acquire(int dir, std::string_view path, Mode mode);
  static Result<FileLock> acquire(int dir, std::string_view path, Mode mode);
  [[nodiscard]] bool held() const { return fd_.valid(); }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace shale::sys
