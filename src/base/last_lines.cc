// SPDX-License-Identifier: Apache-2.0
#include "base/last_lines.h"

#include <algorithm>

namespace shale {

namespace {

constexpr std::size_t kLongestShownLine = 500;  // bytes of a line in an error; the log has the rest

}  // namespace

std::vector<std::string> last_lines(const std::string& text, std::size_t count) {
  std::vector<std::string> out;
  std::size_t end = text.size();
  while (end > 0 && out.size() < count) {
    if (text[end - 1] == '\n') --end;
    const std::size_t newline = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
    const std::size_t begin = newline == std::string::npos ? 0 : newline + 1;
    std::string line;
    for (const char c : text.substr(begin, std::min(end - begin, kLongestShownLine))) {
      if (c == '\t')
        line += ' ';
      else if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)
        line += c;
    }
    out.push_back(std::move(line));
    end = begin;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace shale
