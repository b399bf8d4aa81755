// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets share: a limit on processor time for each input, and checks that end the run.
#pragma once

#include <sys/time.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace shale::fuzz {

// Processor time that one input of at most 64 KiB may take, sanitizers included. What is linear needs some
// tens of milliseconds; what is quadratic needs minutes. libFuzzer's own -timeout counts wall time, which a
// busy machine stretches.
inline constexpr int kMaxCpuSeconds = 4;

// Ends the run when the scope has used more than that; libFuzzer then keeps the input as a crash.
class CpuLimit {
 public:
  CpuLimit() {
    std::signal(SIGPROF, [](int) {
      std::fputs("more processor time than an input of this size may take\n", stderr);
      std::abort();
    });
    set(kMaxCpuSeconds);
  }
  CpuLimit(const CpuLimit&) = delete;
  CpuLimit& operator=(const CpuLimit&) = delete;
  ~CpuLimit() { set(0); }

 private:
  static void set(int seconds) {
    itimerval timer{};
    timer.it_value.tv_sec = seconds;
    setitimer(ITIMER_PROF, &timer, nullptr);
  }
};

// `property` has to hold for every input; `what` says which it is.
inline void check(bool property, const char* what) {
  if (property) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

// The first line of `text` without its newline; `text` becomes what follows.
inline std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace shale::fuzz
