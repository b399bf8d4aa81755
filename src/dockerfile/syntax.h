// SPDX-License-Identifier: Apache-2.0
// Syntax: Dockerfile text → directives and a list of located nodes. Knows lines, comments, continuations,
// heredocs, flags and the shapes of arguments; what an instruction means is instructions.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shale/error.h"

namespace shale::dockerfile {

// "# key=value" lines at the top of a file.
struct Directives {
  std::string syntax;  // image named by "# syntax=", only informative: Shale is the frontend
  char escape = '\\';  // '\\' or '`'
  std::string check;   // text after "# check=", e.g. "skip=JSONArgsRecommended;error=true"
  int check_line = 0;  // 0 = none
};

// A "<<WORD" document that follows an instruction.
struct Heredoc {
  std::string name;     // the terminator, quotes removed
  std::string content;  // lines as written, each with its newline; leading tabs still there even for "<<-"
  int file_descriptor = 0;  // the number written before "<<"; 0 = none
  bool expand = true;       // false when any part of the word was quoted
  bool strip_tabs = false;  // "<<-"
  // The content with the leading tabs of each line removed when strip_tabs.
  [[nodiscard]] std::string text() const;
};

// One instruction as written.
struct Node {
  std::string keyword;             // lower case
  std::string keyword_text;        // as written
  std::vector<std::string> flags;  // "--name=value", quotes removed
  std::string original;            // the whole logical line, continuations joined, heredocs not included
  std::vector<std::string>
      arguments;      // by the shape of the instruction; ENV and LABEL: key, value, separator triples
  bool json = false;  // the argument was a JSON array of strings
  std::vector<Heredoc> heredocs;
  std::vector<std::string> comments;      // the comment lines directly above, '#' and blanks removed
  std::vector<Node> trigger;              // ONBUILD: exactly one node; else empty
  bool after_empty_continuation = false;  // an empty line stood inside its continuation
  bool broken = false;                    // its error has been reported: only keyword and span are right
  SourceSpan span;                        // line … end_line, heredocs included
};

struct SyntaxTree {
  Directives directives;
  std::vector<Node> nodes;
};

// More errors than this are not collected: nobody reads them, and each carries its lines.
inline constexpr std::size_t kMaxReportedErrors = 50;

// What parse_syntax could make of a text, and every error it found. `errors` empty = the tree is complete.
struct SyntaxOutcome {
  SyntaxTree tree;
  std::vector<Error> errors;
};

// Never fails as a whole: goes on behind an error with the next instruction. Linear in the length of the
// text.
SyntaxOutcome parse_syntax(std::string_view text, const std::string& file_name);

// One line per node, in the notation of the parser test files: (copy ["--link"] "a" "b").
std::string dump(const SyntaxTree& tree);

// Names of all instructions, upper case.
const std::vector<std::string>& instruction_names();

}  // namespace shale::dockerfile
