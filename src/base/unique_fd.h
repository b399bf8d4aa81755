// SPDX-License-Identifier: Apache-2.0
// UniqueFd: the owner of a file descriptor.
#pragma once

#include <utility>

#include "shale/error.h"

namespace shale {

// Move-only. Every descriptor in the project is close-on-exec and has exactly one of these as its owner.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  explicit operator bool() const { return valid(); }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  // Closes what it holds, silently: call close() where a failed close means lost data.
  void reset(int fd = -1);
  // Closes and reports: a write error may surface only here (NFS, quotas).
  [[nodiscard]] Status close();

 private:
  int fd_ = -1;
};

// Two connected descriptors.
struct FdPair {
  UniqueFd first;   // read end of a pipe
  UniqueFd second;  // write end of a pipe
};

}  // namespace shale
