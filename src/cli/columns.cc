// SPDX-License-Identifier: Apache-2.0
#include "cli/columns.h"

#include <algorithm>

#include "cli/display_text.h"

namespace shale::cli {

std::string in_columns(const std::vector<std::vector<std::string>>& rows) {
  constexpr std::size_t kGap = 3;
  std::vector<int> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += row[i];
      if (i + 1 == row.size()) break;
      out.append(static_cast<std::size_t>(widths[i] - display_width(row[i])) + kGap, ' ');
    }
    out += '\n';
  }
  return out;
}

}  // namespace shale::cli
