// SPDX-License-Identifier: Apache-2.0
// Lint: BuildKit's rules about Dockerfiles, by their names. Those that need only the tree run here; plan/
// adds those that need expanded values through make_warning.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/parse.h"
#include "shale/events.h"

namespace shale::dockerfile {

struct LintRule {
  std::string_view name;         // "StageNameCasing"
  std::string_view description;  // "Stage names should be lowercase"
  std::string_view format;       // the warning's text; {} stands for an argument
  bool experimental = false;     // only when asked for by name
};

// The page of docker's documentation about a rule.
std::string lint_rule_url(const LintRule& rule);

// All rules, in BuildKit's order.
std::span<const LintRule> lint_rules();
const LintRule* find_lint_rule(std::string_view name);

// Which rules apply: "# check=skip=A,B;error=true;experimental=C" of a file, or the same text from a build
// argument.
struct LintConfig {
  bool skip_all = false;
  std::set<std::string> skip;  // rule names, lower case
  bool experimental_all = false;
  std::set<std::string> experimental;  // rule names, lower case
  bool error = false;                  // warnings end the build, after all of them were shown

  static Result<LintConfig> parse(std::string_view text);
  // This, then a comment "check=skip=…" among the lines directly above an instruction.
  [[nodiscard]] LintConfig with_comments(const std::vector<std::string>& comments) const;
  [[nodiscard]] bool wants(const LintRule& rule) const;
};

// The warnings that the tree alone gives, in the order of lines. `file` may be what parse_dockerfile_all made
// of a broken file. Rules about a stage's instructions apply to the stages whose numbers are in `needed`;
// nullptr: to all (a build says nothing about stages it leaves out, a check looks at all of them).
std::vector<Warning> lint(const ParsedFile& file, const LintConfig& config,
                          const std::set<std::size_t>* needed = nullptr);

// One warning with its text filled in and its excerpt cut from `file`. `arguments` are those of the rule's
// format; the last one of UndefinedVar and UndefinedArgInFrom is "" or " (did you mean $X?)". The caller has
// asked config.with_comments(…).wants(rule) before.
Warning make_warning(const ParsedFile& file, std::string_view rule, const SourceSpan& span,
                     const std::vector<std::string>& arguments);

// "lint violation found for rules: A, B": what a build with error=true ends with; nullopt for no warnings.
std::optional<Error> lint_error(const ParsedFile& file, const std::vector<Warning>& warnings);

}  // namespace shale::dockerfile
