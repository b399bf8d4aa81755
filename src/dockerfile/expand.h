// SPDX-License-Identifier: Apache-2.0
// Word expansion: quotes, escapes and ${…} of Dockerfile words, in all forms BuildKit's shell lexer knows.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shale/error.h"

namespace shale::dockerfile {

// A variable's value, or nullopt when it is not set. What the view shows must live until the expansion
// returns.
using Lookup = std::function<std::optional<std::string_view>(std::string_view name)>;

// A Lookup over "K=V" entries, the last one of a name wins. Holds a reference to `env`.
Lookup lookup_in(const std::vector<std::string>& env);

struct ExpandOptions {
  char escape = '\\';
  bool raw_quotes =
      false;  // quotes stay in the text and protect nothing but single-quoted parts (COPY heredocs)
  bool raw_escapes = false;    // escapes stay in the text
  bool keep_unset = false;     // ${unset} stays as it is written (names of steps)
  bool ignore_quotes = false;  // quotes are ordinary characters and protect nothing (names of RUN steps)
};

// No value may grow beyond this, whatever refers to what (a Dockerfile is data from strangers).
inline constexpr std::size_t kMaxExpandedBytes = 128 * 1024;
// Deepest nesting of ${a:-${b:-…}}.
inline constexpr int kMaxExpansionDepth = 100;

struct Expansion {
  std::string text;
  std::vector<std::string>
      words;  // `text` split at blanks that stood outside of quotes, or came from variables
  std::vector<std::string>
      unset_names;  // variables that were asked for, had no value and no default; each once
  std::vector<std::string> used_names;  // variables that were asked for and had a value; each once
};

// Expands one word. Errors read like BuildKit's ("failed to process \"${}\": syntax error: bad substitution")
// and have no place: the caller adds the instruction's. Time and memory are linear in the word plus the
// result.
Result<Expansion> expand_word(std::string_view word, const Lookup& lookup, const ExpandOptions& options = {});

// The text only.
Result<std::string> expand(std::string_view word, const Lookup& lookup, const ExpandOptions& options = {});

}  // namespace shale::dockerfile
