// SPDX-License-Identifier: Apache-2.0
#include "cli/listing.h"

#include <algorithm>

#include "cli/columns.h"
#include "cli/display_text.h"
#include "shale/template.h"

namespace shale::cli {

namespace {

using Row = std::vector<std::string>;

// What a shell passed on as it was typed.
std::string unescape(std::string_view format) {
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    const std::string_view two = format.substr(i, 2);
    if (two == "\\t" || two == "\\n") {
      out += two == "\\t" ? '\t' : '\n';
      ++i;
    } else {
      out += format[i];
    }
  }
  return out;
}

Row cells_of(std::string_view line) {
  Row cells;
  while (true) {
    const std::size_t end = line.find('\t');
    cells.push_back(escape_controls(line.substr(0, end)));
    if (end == std::string_view::npos) return cells;
    line.remove_prefix(end + 1);
  }
}

Result<std::string> table(const Listing& listing, const std::string& columns) {
  std::vector<Row> rows;
  ASSIGN_OR_RETURN(const std::string heading, fill_template(columns, listing.headings));
  rows.push_back(cells_of(heading));
  for (const std::string& row : listing.rows) {
    ASSIGN_OR_RETURN(const std::string line, fill_template(columns, row));
    rows.push_back(cells_of(line));
  }
  return in_columns(rows);
}

}  // namespace

Result<std::string> render_listing(const Listing& listing, std::string_view format) {
  constexpr std::string_view kTable = "table";
  if (format.empty() || format == kTable) return table(listing, listing.columns);
  if (format.starts_with(kTable)) {
    format.remove_prefix(kTable.size());
    format.remove_prefix(std::min(format.find_first_not_of(' '), format.size()));
    return table(listing, unescape(format));
  }
  std::string out;
  for (const std::string& row : listing.rows) {
    if (format == "json") {
      out += row + '\n';
      continue;
    }
    ASSIGN_OR_RETURN(const std::string text, fill_template(unescape(format), row));
    out += filter_lines(text, Colors::kStrip) + '\n';
  }
  return out;
}

}  // namespace shale::cli
