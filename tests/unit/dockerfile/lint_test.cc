// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/json.h"
#include "data.h"

namespace shale::dockerfile {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<std::string> rules(std::string_view text, std::string_view options = "") {
  const ParseOutcome outcome = parse_dockerfile_all(text, "Dockerfile");
  const auto config = LintConfig::parse(options.empty() ? outcome.file.directives.check : options);
  EXPECT_TRUE(config.has_value()) << options;
  std::vector<std::string> result;
  for (const Warning& warning : lint(outcome.file, *config)) {
    EXPECT_FALSE(warning.text.empty()) << warning.rule;
    result.push_back(warning.rule + ":" + std::to_string(warning.span.line));
  }
  return result;
}

// The last stage and those it is built from.
std::set<std::size_t> needed_stages(const ParsedFile& file) {
  std::set<std::size_t> needed;
  const Stage* stage = file.stages.empty() ? nullptr : &file.stages.back();
  while (stage != nullptr && needed.insert(static_cast<std::size_t>(stage - file.stages.data())).second) {
    stage = file.find_stage(stage->from.base);
  }
  return needed;
}

TEST(Lint, WarningsOfAnotherBuilder) {
  const auto table = parse_json(read_data(data_path("lint.json")), "the table");
  ASSERT_TRUE(table.has_value());
  int warnings = 0;
  for (const Json& row : *table) {
    const ParseOutcome outcome = parse_dockerfile_all(row["dockerfile"].get<std::string>(), "Dockerfile");
    const std::string options =
        row["options"].get<std::string>();  // given to the build instead of the file's
    const auto config = LintConfig::parse(options.empty() ? outcome.file.directives.check : options);
    ASSERT_TRUE(config.has_value());
    const std::set<std::size_t> needed = needed_stages(outcome.file);
    std::vector<std::string> expected;
    for (const Json& warning : row["warnings"]) {
      expected.push_back(std::to_string(warning["line"].get<int>()) + " " +
                         warning["rule"].get<std::string>() + ": " + warning["text"].get<std::string>());
      ++warnings;
    }
    std::vector<std::string> found;
    for (const Warning& warning : lint(outcome.file, *config, &needed)) {
      found.push_back(std::to_string(warning.span.line) + " " + warning.rule + ": " + warning.text);
    }
    std::ranges::sort(expected);
    std::ranges::sort(found);
    EXPECT_EQ(found, expected) << row["case"];
  }
  EXPECT_GT(warnings, 30);
}

TEST(Lint, TableHasEveryRuleOnce) {
  EXPECT_THAT(lint_rules(), SizeIs(22));
  for (const LintRule& rule : lint_rules()) EXPECT_EQ(find_lint_rule(rule.name), &rule);
  EXPECT_EQ(find_lint_rule("undefinedvar"), find_lint_rule("UndefinedVar"));
  EXPECT_EQ(find_lint_rule("NoSuchRule"), nullptr);
}

TEST(Lint, FileOptionsSkipRules) {
  const std::string body = "FROM a as B\nMAINTAINER x\n";
  EXPECT_THAT(rules(body), ElementsAre("StageNameCasing:1", "FromAsCasing:1", "MaintainerDeprecated:2"));
  EXPECT_THAT(rules("# check=skip=StageNameCasing,fromascasing\n" + body),
              ElementsAre("MaintainerDeprecated:3"));
  EXPECT_THAT(rules("# check=skip=all;error=true\n" + body), IsEmpty());
}

TEST(Lint, StagesLeftOutAreNotJudgedByTheirInstructions) {
  const ParseOutcome outcome = parse_dockerfile_all("FROM a AS B\nCMD x\nFROM c\nCMD y\n", "Dockerfile");
  const std::set<std::size_t> needed = {1};
  const std::vector<Warning> warnings = lint(outcome.file, {}, &needed);
  ASSERT_THAT(warnings, SizeIs(2));
  EXPECT_EQ(warnings[0].rule, "StageNameCasing");
  EXPECT_EQ(warnings[1].rule, "JSONArgsRecommended");
  EXPECT_EQ(warnings[1].span.line, 4);
}

TEST(Lint, CommentAboveSkipsForOneInstruction) {
  EXPECT_THAT(rules("FROM a\n# check=skip=JSONArgsRecommended\nCMD x\nENTRYPOINT y\n"),
              ElementsAre("JSONArgsRecommended:4"));
}

TEST(Lint, ShellMakesShellFormDeliberate) {
  EXPECT_THAT(rules("FROM a\nSHELL [\"/bin/bash\", \"-c\"]\nCMD x\n"), IsEmpty());
}

TEST(Lint, EmptyLineInAContinuation) {
  EXPECT_THAT(rules("FROM a\nRUN b \\\n\n  c\n"), ElementsAre("NoEmptyContinuation:4"));
}

TEST(Lint, WorkdirMayBeRelativeBehindAnAbsoluteOne) {
  EXPECT_THAT(rules("FROM a\nWORKDIR b\nWORKDIR /c\nWORKDIR d\n"), ElementsAre("WorkdirRelativePath:2"));
}

TEST(Lint, Ports) {
  EXPECT_THAT(rules("FROM a\nEXPOSE 80/TCP 1.2.3.4:80:80 90:90 $X\n"),
              ElementsAre("ExposeProtoCasing:2", "ExposeInvalidFormat:2", "ExposeInvalidFormat:2"));
}

TEST(Lint, PlatformConstants) {
  EXPECT_THAT(rules("FROM --platform=linux/amd64 a\n"), ElementsAre("FromPlatformFlagConstDisallowed:1"));
  EXPECT_THAT(rules("FROM --platform=linux/amd64 a AS build_amd64\n"), IsEmpty());
  EXPECT_THAT(rules("FROM --platform=$BUILDPLATFORM a\n"), IsEmpty());
}

TEST(Lint, ExperimentalRulesRunOnRequest) {
  const std::string text = "# not a description\nFROM a AS b\n";
  EXPECT_THAT(rules(text), IsEmpty());
  EXPECT_THAT(rules(text, "experimental=InvalidDefinitionDescription"),
              ElementsAre("InvalidDefinitionDescription:2"));
  EXPECT_THAT(rules("# b a description\nFROM a AS b\n", "experimental=all"), IsEmpty());
}

TEST(Lint, HarmlessNamesAreNoSecrets) {
  EXPECT_THAT(rules("FROM a\nENV SSH_PUBLIC_KEY=x TOKEN_FILE=y KEYBOARD=z MY_TOKEN=t\n"),
              ElementsAre("SecretsUsedInArgOrEnv:2"));
}

TEST(Lint, OptionsAreChecked) {
  EXPECT_FALSE(LintConfig::parse("skip").has_value());
  EXPECT_FALSE(LintConfig::parse("foo=bar").has_value());
  EXPECT_FALSE(LintConfig::parse("error=maybe").has_value());
  EXPECT_TRUE(LintConfig::parse("skip=A;error=true")->error);
}

TEST(Lint, ErrorListsTheRules) {
  const ParseOutcome outcome = parse_dockerfile_all("FROM a as b\nMAINTAINER x\n", "Dockerfile");
  const auto error = lint_error(outcome.file, lint(outcome.file, {}));
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->message(), "lint violation found for rules: FromAsCasing, MaintainerDeprecated");
  EXPECT_FALSE(lint_error(outcome.file, {}).has_value());
}

TEST(Lint, MakeWarningFillsInArguments) {
  const ParseOutcome outcome = parse_dockerfile_all("FROM a\nENV b=$foo\n", "Dockerfile");
  const Warning warning =
      make_warning(outcome.file, "UndefinedVar", {.file = "Dockerfile", .line = 2}, {"foo"});
  EXPECT_EQ(warning.text, "Usage of undefined variable '$foo'");
  EXPECT_THAT(warning.excerpt, testing::HasSubstr("> 2 | ENV b=$foo"));
}

}  // namespace
}  // namespace shale::dockerfile
