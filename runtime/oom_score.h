// SPDX-License-Identifier: Apache-2.0
// The out-of-memory score: raised for as long as it takes to hand it on to a child. What is left with the
// high one is the command: a process of ours that was killed in its place would look like a fault of ours.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "base/owned_fd.h"

namespace shale::runtime {

class OomScore {
 public:
  // The calling process's own. Later its file may belong to somebody else.
  OomScore() : file_(::open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC)) {}

  // False with errno set.
  bool raise(int value) {
    char text[16];
    const ssize_t size = file_ ? ::pread(file_.get(), text, sizeof text, 0) : -1;
    if (size <= 0) return false;
    usual_.assign(text, static_cast<std::size_t>(size));
    return write(std::to_string(value));
  }
  // Back to what it was, as nobody needs a privilege for. Where there is no such file, it stays high.
  void restore() { restore(usual_); }
  void restore(const std::string& usual) {
    if (file_ && !usual.empty()) (void)write(usual);
    file_ = OwnedFd();
  }
  // What it was before it was raised; empty if it was not.
  [[nodiscard]] const std::string& usual() const { return usual_; }

 private:
  bool write(std::string_view text) {
    return ::pwrite(file_.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
  }

  OwnedFd file_;
  std::string usual_;
};

}  // namespace shale::runtime
