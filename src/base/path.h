// SPDX-License-Identifier: Apache-2.0
// Paths as text: clean ones, without "." and "..", without a slash at the end.
#pragma once

#include <string>
#include <string_view>

namespace shale {

// `path` is `directory` or lies in it. The root is "", of absolute and of relative paths.
inline bool lies_in(std::string_view path, std::string_view directory) {
  return directory.empty() || path == directory ||
         (path.starts_with(directory) && path[directory.size()] == '/');
}

// The directory of a path in an image: "" for what lies in the root.
inline std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

// Where a file of the host lies, as dirname(1) says it: "/" and "." where the path names no other directory.
inline std::string host_directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace shale
