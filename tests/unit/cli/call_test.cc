// SPDX-License-Identifier: Apache-2.0
// --call and --check: what is asked, and how the answers look.
#include "cli/call.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/call_report.h"

namespace shale::cli {
namespace {

using ::testing::HasSubstr;
using Kind = CallRequest::Kind;

Result<CallRequest> call(std::vector<std::string> words) {
  words.insert(words.begin(), "build");
  ASSIGN_OR_RETURN(const CommandLine line, parse_command_line(words));
  return parse_call(line);
}

TEST(Call, NamesAMethodAndAFormat) {
  EXPECT_EQ(call({"."})->kind, Kind::kBuild);
  EXPECT_EQ(call({"--call=build", "."})->kind, Kind::kBuild);
  EXPECT_EQ(call({"--check", "."})->kind, Kind::kCheck);
  EXPECT_EQ(call({"--call", "lint"})->kind, Kind::kCheck);
  EXPECT_EQ(call({"--call=outline"})->kind, Kind::kOutline);
  EXPECT_FALSE(call({"--call=targets"})->json);
  const Result<CallRequest> whole = call({"--call=check,format=json,ignorestatus=true"});
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->kind, Kind::kCheck);
  EXPECT_TRUE(whole->json);
  EXPECT_TRUE(whole->ignore_status);
}

TEST(Call, FormatAloneGoesWithCheck) {
  const Result<CallRequest> request = call({"--check", "--call=format=json"});
  ASSERT_TRUE(request);
  EXPECT_EQ(request->kind, Kind::kCheck);
  EXPECT_TRUE(request->json);
}

TEST(Call, MistakesAreUsageErrorsWithAHint) {
  const Result<CallRequest> typo = call({"--call=chek"});
  ASSERT_FALSE(typo);
  EXPECT_EQ(typo.error().kind(), ErrorKind::kUsage);
  EXPECT_THAT(render(typo.error(), false), HasSubstr("did you mean 'check'?"));
  for (const char* text : {"check,format=yaml", "check,what=1", "check,ignorestatus=maybe"})
    EXPECT_FALSE(call({std::string("--call=") + text})) << text;
  EXPECT_FALSE(call({"--check", "--call=outline"}));
}

CheckReport report_of(std::string text, std::vector<Warning> warnings) {
  return {.source = {.name = "Dockerfile", .text = std::move(text)},
          .warnings = std::move(warnings),
          .error = std::nullopt};
}

TEST(CallReport, CheckShowsEachWarningInAFrame) {
  Warning warning;
  warning.rule = "StageNameCasing";
  warning.text = "Stage name 'B' should be lowercase";
  warning.url = "https://x/";
  warning.span = {.file = "Dockerfile", .line = 2};
  EXPECT_EQ(render_check(report_of("ARG a\nFROM a AS B\nRUN \033[31mx\n", {warning})),
            "Check complete, 1 warning has been found!\n"
            "\n"
            "WARNING: StageNameCasing - https://x/\n"
            "Stage name 'B' should be lowercase\n"
            "Dockerfile:2\n"
            "--------------------\n"
            "   1 |     ARG a\n"
            "   2 | >>> FROM a AS B\n"
            "   3 |     RUN x\n"
            "   4 |     \n"
            "--------------------\n");
}

TEST(CallReport, CheckSaysWhenThereIsNothing) {
  EXPECT_EQ(render_check(report_of("FROM a\n", {})), "Check complete, no warnings found.\n");
}

TEST(CallReport, CheckWithNothingButAnErrorLeavesTheWordToIt) {
  CheckReport report = report_of("FRM a\n", {});
  report.error = Error(ErrorKind::kDockerfile, "unknown instruction: FRM");
  EXPECT_EQ(render_check(report), "");
}

TEST(CallReport, OutlineIsTables) {
  Outline outline;
  outline.name = "app";
  outline.description = "is what runs";
  outline.arguments = {{.name = "GO_VERSION", .description = "of the toolchain", .value = "1.22", .span = {}},
                       {.name = "X", .description = {}, .value = {}, .span = {}}};
  outline.secrets = {{.id = "token", .required = true, .span = {}}};
  EXPECT_EQ(render_outline(outline),
            "TARGET:        app\n"
            "DESCRIPTION:   is what runs\n"
            "\n"
            "BUILD ARG    VALUE   DESCRIPTION\n"
            "GO_VERSION   1.22    of the toolchain\n"
            "X                    \n"
            "\n"
            "SECRET   REQUIRED\n"
            "token    true\n"
            "\n");
}

TEST(CallReport, TargetsMarkTheDefault) {
  TargetList list;
  list.targets = {
      {.name = "build",
       .is_default = false,
       .description = "compiles",
       .base = {},
       .platform = {},
       .span = {}},
      {.name = "", .is_default = true, .description = {}, .base = {}, .platform = {}, .span = {}}};
  EXPECT_EQ(render_targets(list),
            "TARGET      DESCRIPTION\n"
            "build       compiles\n"
            "(default)   \n");
}

}  // namespace
}  // namespace shale::cli
