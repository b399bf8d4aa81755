// SPDX-License-Identifier: Apache-2.0
// Runes: UTF-8 characters of a text, and which of them are blanks or letters to the Dockerfile language.
#pragma once

#include <string>
#include <string_view>

namespace shale::dockerfile {

struct Rune {
  char32_t value = 0;
  int width = 0;  // bytes; 0 only at the end of the text
};

// The character at `position`. A byte that is not UTF-8 counts as one character, so that nothing is lost.
Rune rune_at(std::string_view text, std::size_t position);

// Unicode white space, as Go's unicode.IsSpace.
bool is_space(char32_t rune);
// A letter, digit or '_': what names of variables consist of. Above Latin-1 this is an approximation that
// takes all but the blocks of punctuation, symbols and private characters.
bool is_name_rune(char32_t rune);

// Without white space at its ends.
std::string_view trim(std::string_view text);
std::string_view trim_left(std::string_view text);

// ASCII only; other characters stay.
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);

// `text` in double quotes, escaped as Go's %q does, so that it fits on one line of a message.
std::string quote(std::string_view text);

}  // namespace shale::dockerfile
