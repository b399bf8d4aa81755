// SPDX-License-Identifier: Apache-2.0
#include "plan/outline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shale::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Result<Outline> outline_of(const std::string& text, const PlanOptions& options = {}) {
  ASSIGN_OR_RETURN(const dockerfile::ParsedFile file, dockerfile::parse_dockerfile(text, "Dockerfile"));
  return make_outline(file, options);
}

// "LINE NAME=VALUE (DESCRIPTION)" of each argument.
std::vector<std::string> arguments(const Outline& outline) {
  std::vector<std::string> out;
  for (const OutlineArgument& argument : outline.arguments)
    out.push_back(std::to_string(argument.span.line) + " " + argument.name + "=" + argument.value +
                  (argument.description.empty() ? "" : " (" + argument.description + ")"));
  return out;
}

std::vector<std::string> ids(const std::vector<OutlineMount>& mounts) {
  std::vector<std::string> out;
  for (const OutlineMount& mount : mounts) out.push_back(mount.id + (mount.required ? " required" : ""));
  return out;
}

TEST(Outline, ListsTheArgumentsOfTheStagesThatTheTargetNeeds) {
  const Result<Outline> outline = outline_of(
      "FROM scratch AS left-out\nARG NO\nFROM scratch AS dep\nARG DEP=1\nFROM scratch\n"
      "# WHO is greeted\nARG WHO=world\nCOPY --from=dep /x /x\n");
  ASSERT_TRUE(outline);
  EXPECT_THAT(arguments(*outline), ElementsAre("4 DEP=1", "7 WHO=world (is greeted)"));
}

TEST(Outline, ArgumentsBeforeTheFirstFromCountWhenAFromReadsThem) {
  const Result<Outline> outline =
      outline_of("ARG MAJOR=3\nARG TAG=${MAJOR}.1\nARG UNUSED=1\nFROM alpine:$TAG\n");
  ASSERT_TRUE(outline);
  EXPECT_THAT(arguments(*outline), ElementsAre("1 MAJOR=3", "2 TAG=3.1"));
}

TEST(Outline, ValuesComeFromBuildArgsThenDefaultsThenTheGlobalScope) {
  PlanOptions options;
  options.build_args = {{"A", "given"}};
  const Result<Outline> outline = outline_of(
      "ARG G=global\nFROM scratch\nENV E=env\nARG A=default\nARG B=${A}-${E}\nARG G\nARG NONE\n", options);
  ASSERT_TRUE(outline);
  EXPECT_THAT(arguments(*outline), ElementsAre("4 A=given", "5 B=given-env", "6 G=global", "7 NONE="));
}

TEST(Outline, ListsSecretsAgentsAndCachesOnce) {
  const Result<Outline> outline = outline_of(
      "FROM scratch\nARG D=/cache\n"
      "RUN --mount=type=secret,id=a --mount=type=ssh --mount=type=cache,target=$D x\n"
      "RUN --mount=type=secret,id=a,required --mount=type=secret,target=/run/b y\n");
  ASSERT_TRUE(outline);
  EXPECT_THAT(ids(outline->secrets), ElementsAre("a required", "b"));
  EXPECT_THAT(ids(outline->ssh), ElementsAre("default"));
  EXPECT_THAT(ids(outline->caches), ElementsAre("/cache"));
}

TEST(Outline, DescribesItsTarget) {
  PlanOptions options;
  options.target = "app";
  const Result<Outline> outline =
      outline_of("# app is what runs\nFROM scratch AS app\nFROM scratch AS later\nARG X\n", options);
  ASSERT_TRUE(outline);
  EXPECT_EQ(outline->name, "app");
  EXPECT_EQ(outline->description, "is what runs");
  EXPECT_THAT(outline->arguments, IsEmpty());
}

TEST(Outline, UnknownTargetIsAnError) {
  PlanOptions options;
  options.target = "nothing";
  EXPECT_FALSE(outline_of("FROM scratch\n", options));
}

}  // namespace
}  // namespace shale::plan
