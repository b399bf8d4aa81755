// SPDX-License-Identifier: Apache-2.0
// The standard descriptors and the terminal behind them.
#pragma once

#include <string>
#include <string_view>

#include "shale/error.h"

namespace shale::cli {

struct TerminalSize {
  int columns = 80;
  int rows = 24;
};

// Whether `fd` is a terminal that understands cursor movement (TERM is not "dumb").
bool is_terminal(int fd);
// Whether text for `fd` may carry colours: a terminal, and NO_COLOR unset or empty (no-color.org).
bool wants_color(int fd);
// Falls back to $COLUMNS, then to 80 × 24.
TerminalSize terminal_size(int fd);

// Opens /dev/null on each of 0, 1 and 2 that the caller left closed, so that no file of ours takes its place.
void ensure_standard_descriptors();

// Writes all of it to standard error; what cannot be written is lost, as there is nobody to tell.
void write_stderr(std::string_view text);
// Writes all of it to standard output. A reader that went away ("| head") is no error.
Status write_stdout(std::string_view text);

// From now on a fatal signal (INT, TERM, HUP) makes the cursor visible again before it ends the process. For
// commands that show a terminal display and do not handle these signals themselves.
void restore_cursor_on_signals();

}  // namespace shale::cli
