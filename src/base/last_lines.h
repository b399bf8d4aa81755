// SPDX-License-Identifier: Apache-2.0
// The end of what a program printed, as a message shows it.
#pragma once

#include <string>
#include <vector>

namespace shale {

// The last `count` lines, control characters left out (a tab becomes a blank), long lines cut.
std::vector<std::string> last_lines(const std::string& text, std::size_t count);

}  // namespace shale
