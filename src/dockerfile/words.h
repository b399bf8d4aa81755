// SPDX-License-Identifier: Apache-2.0
// Words: how the text behind a keyword is cut: flags, quoted words, JSON arrays, name=value pairs, heredoc
// words.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/syntax.h"
#include "shale/error.h"

namespace shale::dockerfile {

// The first blank-separated word of `text`, and the rest without the blanks between them.
struct FirstWord {
  std::string_view word;
  std::string_view rest;
};
FirstWord take_word(std::string_view text);

// Moves the "--name=value" words at the start of `text` into `flags` (quotes and escapes removed, "--" ends
// them) and gives what follows.
std::string_view take_flags(std::string_view text, std::vector<std::string>& flags);

// Blank-separated words; quotes keep blanks together and stay in the words.
std::vector<std::string> quoted_words(std::string_view text, char escape);

// Words between blanks, quotes mean nothing.
std::vector<std::string> plain_words(std::string_view text);

// A JSON array of strings. nullopt: it is not JSON, so it is shell form. An error: it is a JSON array, but
// not of strings.
Result<std::optional<std::vector<std::string>>> json_words(std::string_view text);

// ENV's and LABEL's text → key, value, separator ("=" or "" for "KEY value"), repeated.
Result<std::vector<std::string>> name_values(std::string_view text, std::string_view keyword, char escape);

// A word like "<<EOF", "3<<-'EOF'": the heredoc it opens, without content; nullopt when it is something else.
Result<std::optional<Heredoc>> heredoc_word(std::string_view word);

// The heredocs a line opens, in order.
Result<std::vector<Heredoc>> heredocs_of_line(std::string_view line);

}  // namespace shale::dockerfile
