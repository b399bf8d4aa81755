// SPDX-License-Identifier: Apache-2.0
// Questions that a person answers at the terminal.
#pragma once

#include <string>
#include <string_view>

#include "shale/error.h"

namespace shale::cli {

// Asks on standard error and reads one line from standard input, which is a terminal. A secret is not shown
// while it is typed. Ctrl-C and the end of the input are errors of the kind kCancelled.
Result<std::string> ask(std::string_view question);
Result<std::string> ask_secret(std::string_view question);

}  // namespace shale::cli
