// SPDX-License-Identifier: Apache-2.0
// Mistakes that people make in Dockerfiles, recognized by what they look like: hints beside the parser's
// errors.
#pragma once

#include <string>
#include <string_view>

#include "dockerfile/syntax.h"

namespace shale::dockerfile {

// What an instruction that nobody knows probably is: the rest of an unfinished line above, a conflict marker,
// another language, a typo. "" when nothing comes to mind. Looks through `text` up to the node once.
std::string hint_about_unknown(const Node& node, std::string_view text);

// Typographic quotes or blanks in `line`, which look right and are ordinary letters to everything that reads
// them. "" when there are none.
std::string hint_about_characters(std::string_view line);

// A text that is not UTF-8 but UTF-16.
bool looks_like_utf16(std::string_view text);

}  // namespace shale::dockerfile
