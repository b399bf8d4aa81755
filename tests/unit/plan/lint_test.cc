// SPDX-License-Identifier: Apache-2.0
// The rules of lint that need values, platforms and options.
#include "plan/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/plan/planning.h"

namespace shale::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

PlanOptions linux_options() {
  PlanOptions options;
  options.platform = options.build_platform = {.os = "linux", .architecture = "amd64"};
  return options;
}

Result<Plan> plan_of(const std::string& text, PlanOptions options = linux_options()) {
  return plan_with(text, std::move(options), [](const ImageNeed& need) {
    image::ImageConfig config;
    config.platform = {.os = "linux", .architecture = need.reference == "arm" ? "arm64" : "amd64"};
    return config;
  });
}

// "LINE RULE: TEXT" of each warning.
std::vector<std::string> warnings(const std::string& text, PlanOptions options = linux_options()) {
  const Result<Plan> plan = plan_of(text, std::move(options));
  EXPECT_TRUE(plan) << (plan ? "" : render(plan.error(), false));
  std::vector<std::string> out;
  if (plan)
    for (const Warning& warning : plan->warnings)
      out.push_back(std::to_string(warning.span.line) + " " + warning.rule + ": " + warning.text);
  return out;
}

PlanOptions ignoring(const std::string& patterns) {
  PlanOptions options = linux_options();
  options.ignore =
      std::make_shared<const dockerfile::IgnoreMatcher>(dockerfile::IgnoreMatcher::parse(patterns).value());
  return options;
}

TEST(PlanLint, FromNamesTheVariableThatIsNotDeclaredAndTheNearest) {
  EXPECT_THAT(
      warnings("ARG BASE_TAG=1\nFROM a:x${BASE_TGA}\n"),
      ElementsAre("2 UndefinedArgInFrom: FROM argument 'BASE_TGA' is not declared (did you mean BASE_TAG?)"));
  EXPECT_THAT(warnings("FROM a:x${T:-1}\n"), IsEmpty());
}

TEST(PlanLint, VariableDeclaredWithoutAValueIsDeclared) {
  EXPECT_THAT(warnings("ARG SUFFIX\nFROM a${SUFFIX}\n"), IsEmpty());
}

TEST(PlanLint, RefusedFileIsJudgedAsFarAsItCanBeRead) {
  const dockerfile::ParsedFile file =
      dockerfile::parse_dockerfile("FROM --platform=$BULIDPLATFORM a AS Stage\n", "Dockerfile").value();
  const auto planner = Planner::create(file, linux_options());
  ASSERT_FALSE(planner);
  EXPECT_THAT(render(planner.error(), false), HasSubstr("did you mean 'BUILDPLATFORM'?"));
  std::vector<std::string> rules;
  for (const Warning& warning : lint_refused(file, linux_options())) rules.push_back(warning.rule);
  EXPECT_THAT(rules, ElementsAre("StageNameCasing", "UndefinedArgInFrom"));
  PlanOptions silent = linux_options();
  silent.build_args = {{"BUILDKIT_DOCKERFILE_CHECK", "skip=all"}};
  EXPECT_THAT(lint_refused(file, silent), IsEmpty());
}

TEST(PlanLint, PlatformOfFromIsJudgedLikeItsName) {
  EXPECT_THAT(warnings("FROM --platform=linux/amd64$NONE a\n"),
              ElementsAre("1 UndefinedArgInFrom: FROM argument 'NONE' is not declared"));
}

TEST(PlanLint, DefaultsOfFromAreTriedWithoutTheBuildArgs) {
  PlanOptions options = linux_options();
  options.build_args = {{"TAG", "3"}};
  EXPECT_THAT(
      warnings("ARG TAG\nFROM a:${TAG}\n", options),
      ElementsAre(
          "2 InvalidDefaultArgInFrom: Default value for ARG a:${TAG} results in empty or invalid base "
          "image name"));
  EXPECT_THAT(warnings("ARG TAG=2\nFROM a:${TAG}\n", options), IsEmpty());
}

TEST(PlanLint, ImageForAnotherPlatformIsNamedWithBoth) {
  EXPECT_THAT(
      warnings("FROM arm\n"),
      ElementsAre("1 InvalidBaseImagePlatform: Base image arm was pulled with platform \"linux/arm64\", "
                  "expected \"linux/amd64\" for current build"));
}

TEST(PlanLint, IgnoredSourcesAreNamedUnlessAnExceptionMayBringThemBack) {
  EXPECT_THAT(
      warnings("FROM scratch\nCOPY ./logs/a.txt b /\nADD logs /x\n", ignoring("logs\n")),
      ElementsAre("2 CopyIgnoredFile: Attempting to Copy file \"logs/a.txt\" that is excluded by "
                  ".dockerignore",
                  "3 CopyIgnoredFile: Attempting to Add file \"logs\" that is excluded by .dockerignore"));
  EXPECT_THAT(warnings("FROM scratch\nCOPY logs /\n", ignoring("logs\n!logs/keep\n")), IsEmpty());
  EXPECT_THAT(warnings("FROM scratch\nCOPY logs/a /\n", ignoring("logs\n!logs/keep\n!other\n")), SizeIs(1));
  EXPECT_THAT(warnings("FROM scratch\nCOPY . /\n", ignoring(".*\n")), IsEmpty());
  EXPECT_THAT(warnings("FROM scratch\nCOPY . /\n", ignoring("*\n")), SizeIs(1));
  EXPECT_THAT(warnings("FROM scratch\nCOPY . /\n", ignoring("*\n!a\n")), IsEmpty());
  EXPECT_THAT(warnings("FROM scratch AS a\nFROM scratch\nCOPY --from=a logs /\n", ignoring("logs\n")),
              IsEmpty());
}

TEST(PlanLint, CommentAboveTheInstructionSwitchesTheseRulesOffToo) {
  EXPECT_THAT(
      warnings("FROM scratch\n# check=skip=CopyIgnoredFile made later\nCOPY logs /\n", ignoring("logs\n")),
      IsEmpty());
  EXPECT_THAT(warnings("# check=skip=all\nFROM a:x$NONE\n"), IsEmpty());
}

TEST(PlanLint, BuildArgsThatNobodyDeclaresAreListedTogether) {
  PlanOptions options = linux_options();
  options.build_args = {{"VERSOIN", "1"}, {"B", "1"},          {"USED", "1"},      {"HTTP_PROXY", "x"},
                        {"IN_OTHER", ""}, {"TARGETARCH", "x"}, {"BUILDKIT_X", "1"}};
  EXPECT_THAT(warnings("ARG VERSION\nFROM scratch AS other\nARG IN_OTHER\nFROM scratch\nARG USED\n", options),
              ElementsAre("0 : One or more build-args [B VERSOIN] were not consumed; did you mean VERSION "
                          "instead of VERSOIN?"));
}

TEST(PlanLint, UnconsumedBuildArgsAreNoViolation) {
  PlanOptions options = linux_options();
  options.build_args = {{"NOBODY", "1"}};
  const Result<Plan> plan = plan_of("# check=error=true\nFROM scratch\n", options);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->warnings.size(), 1U);
  EXPECT_FALSE(plan->lint_error);
}

TEST(PlanLint, WarningsEndTheBuildWhenTheFileSaysSo) {
  const Result<Plan> plan = plan_of("# check=error=true\nFROM scratch\nLABEL a=$NONE\n");
  ASSERT_TRUE(plan);
  ASSERT_TRUE(plan->lint_error);
  EXPECT_EQ(plan->lint_error->message(), "lint violation found for rules: UndefinedVar");
}

TEST(PlanLint, CheckDirectiveThatCannotBeReadIsAnErrorAtItsLine) {
  const Result<Plan> plan = plan_of("# syntax=x\n# check=skipp=all\nFROM scratch\n");
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().message(), HasSubstr("invalid check option \"skipp\""));
  ASSERT_NE(plan.error().span(), nullptr);
  EXPECT_EQ(plan.error().span()->line, 2);
}

TEST(PlanLint, WarningsCarryTheirRulesPage) {
  const Result<Plan> plan = plan_of("FROM scratch\nLABEL a=$NONE\n");
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->warnings.size(), 1U);
  EXPECT_EQ(plan->warnings[0].url, "https://docs.docker.com/go/dockerfile/rule/undefined-var/");
  EXPECT_EQ(plan->warnings[0].description, "Variables should be defined before their use");
  EXPECT_EQ(dockerfile::lint_rule_url(*dockerfile::find_lint_rule("JSONArgsRecommended")),
            "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/");
}

}  // namespace
}  // namespace shale::plan
