// SPDX-License-Identifier: Apache-2.0
// /proc/PID/stat, for both the library and the statically linked program.
#pragma once

#include <sys/types.h>

#include <charconv>
#include <string_view>

namespace shale::runtime {

// The parent of the process whose file holds `text`: "PID (any name) S PPID …". 0 for what is no such text
// (of a process that is gone). The name may hold anything, so the last parenthesis counts.
inline pid_t parent_in_stat(std::string_view text) {
  constexpr std::size_t kToParent = 4;  // ") S "
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos || name_end + kToParent > text.size()) return 0;
  pid_t parent = 0;
  const auto [end, error] =
      std::from_chars(text.data() + name_end + kToParent, text.data() + text.size(), parent);
  return error == std::errc() ? parent : 0;
}

}  // namespace shale::runtime
