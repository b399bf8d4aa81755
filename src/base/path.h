// SPDX-License-Identifier: Apache-2.0
// Paths as text: clean ones, without "." and "..", without a slash at the end.
#pragma once

#include <string_view>

namespace shale {

// `path` is `directory` or lies in it. The root is "", of absolute and of relative paths.
inline bool lies_in(std::string_view path, std::string_view directory) {
  return directory.empty() || path == directory ||
         (path.starts_with(directory) && path[directory.size()] == '/');
}

}  // namespace shale
