// SPDX-License-Identifier: Apache-2.0
// Lists of things, in the forms that docker's --format gives them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shale/error.h"

namespace shale::cli {

struct Listing {
  // The columns of the usual table, as a template with tabs between them: "{{.Repository}}\t{{.Tag}}".
  std::string columns;
  // A JSON object for each row, and one with the same members whose values are the headings.
  std::string headings;
  std::vector<std::string> rows;
};

// `format` is "" or "table" for the usual table, "table TEMPLATE" for one with other columns, "json" for one
// object on each line, or a template that is filled for each row (see shale/template.h); "\t" and "\n" may be
// written out. Ends with a newline if there is anything.
Result<std::string> render_listing(const Listing& listing, std::string_view format);

}  // namespace shale::cli
