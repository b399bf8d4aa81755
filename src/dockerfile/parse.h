// SPDX-License-Identifier: Apache-2.0
// parse_dockerfile: a whole file → global ARGs and stages, or every error in it at once.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/instructions.h"
#include "dockerfile/source.h"
#include "dockerfile/syntax.h"
#include "shale/error.h"

namespace shale::dockerfile {

struct Stage {
  From from;
  Instruction from_instruction;           // the same FROM with its place and comments
  std::string description;                // from a comment "# name description" directly above FROM
  std::vector<Instruction> instructions;  // without FROM
};

struct ParsedFile {
  std::string file_name;
  std::string text;  // the whole source, for excerpts
  Directives directives;
  std::vector<Instruction> global_args;  // Arg only, before the first FROM
  std::vector<Stage> stages;
  SyntaxTree tree;  // for lint
  LineIndex lines;  // of `text`

  // The stage called `name` (case-insensitive; the last one when several have it), or its number; nullptr if
  // none.
  [[nodiscard]] const Stage* find_stage(std::string_view name) const;
  // An error of this file: kind kDockerfile, span narrowed to `word` when given, excerpt filled in.
  [[nodiscard]] Error error(const SourceSpan& span, std::string message, std::string_view word = {}) const;
};

// As much of the file as could be understood, and all that was wrong with it: the first error, the others
// inside it.
struct ParseOutcome {
  ParsedFile file;
  std::optional<Error> error;
};
ParseOutcome parse_dockerfile_all(std::string_view text, std::string file_name);

// The same for callers that want all or nothing. `file_name` is only shown. Linear in the length of the text.
Result<ParsedFile> parse_dockerfile(std::string_view text, std::string file_name);

}  // namespace shale::dockerfile
