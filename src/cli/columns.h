// SPDX-License-Identifier: Apache-2.0
// Rows of text in columns.
#pragma once

#include <string>
#include <vector>

namespace shale::cli {

// One line for each row, its cells as wide as the widest of their column and three blanks apart, as docker's
// are; the last one as long as it is. Cells are printable text; rows may differ in length.
std::string in_columns(const std::vector<std::vector<std::string>>& rows);

}  // namespace shale::cli
