// SPDX-License-Identifier: Apache-2.0
// Text of other people on its way to the terminal: what it may contain, and how wide it is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace shale::cli {

// For names, Dockerfile text and messages: one line on which nothing acts on the terminal. Control characters
// and bidirectional overrides are written out ("\x1b", "\u202e"), line ends and tabs become spaces, invalid
// UTF-8 U+FFFD.
std::string escape_controls(std::string_view text);

enum class Colors : bool { kStrip, kKeep };

// For one line of a command's output, without its line end: escape sequences and control characters are
// dropped, tabs stay, invalid UTF-8 becomes U+FFFD. kKeep lets colours and other attributes (SGR) through and
// ends them with the line.
std::string filter_output(std::string_view line, Colors colors);
// The same for each line of a longer text.
std::string filter_lines(std::string_view text, Colors colors);

// What a terminal would show of a line in which "\r" returned to its start: a part that a later one covers is
// left out, one that would stay visible is a line of its own.
std::vector<std::string_view> split_overwritten(std::string_view line);

// Columns on a terminal; the text holds no escape sequence. East Asian wide characters and emoji take two.
int display_width(std::string_view text);
// Cut to at most `width` columns, with "..." at the end if anything was cut.
std::string fit(std::string_view text, int width);

// As a string of JSON, with its quotes. Bytes beyond ASCII are taken as the UTF-8 they are.
std::string json_quote(std::string_view text);

}  // namespace shale::cli
