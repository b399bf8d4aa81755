// SPDX-License-Identifier: Apache-2.0
#include "plan/paths.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

namespace shale::plan {

std::string clean_path(std::string_view path) {
  std::vector<std::string_view> parts;
  std::size_t at = 0;
  while (at < path.size()) {
    std::size_t end = path.find('/', at);
    if (end == std::string_view::npos) end = path.size();
    const std::string_view part = path.substr(at, end - at);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    at = end + 1;
  }
  return fmt::format("/{}", fmt::join(parts, "/"));
}

}  // namespace shale::plan
