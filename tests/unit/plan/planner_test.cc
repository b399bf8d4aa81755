// SPDX-License-Identifier: Apache-2.0
#include "plan/planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/stage_graph.h"
#include "tests/unit/plan/planning.h"

namespace shale::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

image::ImageConfig base_config() {
  image::ImageConfig config;
  config.env = {"PATH=/bin"};
  config.cmd = {"sh"};
  config.cmd_set = true;
  config.history.push_back(
      {.created = "", .created_by = "base", .author = "", .comment = "", .empty_layer = false});
  return config;
}

Result<Plan> plan_of(const std::string& text, PlanOptions options = {},
                     const image::ImageConfig& config = base_config()) {
  return plan_with(text, std::move(options), [&](const ImageNeed&) { return config; });
}

std::vector<std::string> titles(const Plan& plan) {
  std::vector<std::string> out;
  for (const Node& node : plan.nodes) out.push_back(node.title);
  return out;
}

const Stage& target(const Plan& plan) { return plan.stages[plan.target]; }

TEST(Planner, StagesThatNobodyNeedsAreLeftOut) {
  const Result<Plan> plan =
      plan_of("FROM a AS one\nRUN x\nFROM a AS two\nRUN y\nFROM scratch\nCOPY --from=two /f /f\n");
  ASSERT_TRUE(plan) << render(plan.error(), false);
  EXPECT_THAT(titles(*plan),
              ElementsAre("[two 1/2] FROM a", "[two 2/2] RUN y", "[stage-2 1/1] COPY --from=two /f /f"));
  EXPECT_THAT(plan->nodes[2].inputs, ElementsAre(1));
}

TEST(Planner, TargetStopsAtAStageByNameOrNumber) {
  PlanOptions options;
  options.target = "BUILD";
  const Result<Plan> plan = plan_of("FROM a AS build\nRUN x\nFROM a\nRUN y\n", options);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->nodes.size(), 2U);
  options.target = "0";
  EXPECT_EQ(plan_of("FROM a\nRUN x\nFROM a\nRUN y\n", options)->nodes.size(), 2U);
}

TEST(Planner, UnknownTargetNamesTheNearest) {
  PlanOptions options;
  options.target = "biuld";
  const Result<Plan> plan = plan_of("FROM a AS build\n", options);
  ASSERT_FALSE(plan);
  EXPECT_THAT(render(plan.error(), false), HasSubstr("did you mean 'build'?"));
}

TEST(Planner, LaterStageCannotBeCopiedFrom) {
  PlanOptions options;
  options.target = "a";
  const char* file = "FROM scratch AS a\nCOPY --from=b /x /x\nFROM scratch AS b\n";
  const Result<Plan> plan = plan_of(file, options);
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().message(), HasSubstr("needs to be defined before current stage"));
  ASSERT_NE(plan.error().span(), nullptr);
  EXPECT_EQ(plan.error().span()->line, 2);
  EXPECT_TRUE(plan_of(file)) << "nobody needs stage a";
}

TEST(Planner, MountsBelowOthersComeAfterThem) {
  const Plan plan =
      plan_of("FROM scratch\nRUN --mount=type=tmpfs,target=/m/n --mount=type=cache,target=/m x\n").value();
  const auto& mounts = std::get<RunOp>(plan.nodes.back().op).mounts;
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].target, "/m");
  EXPECT_EQ(mounts[1].target, "/m/n");
}

TEST(Planner, MountWithoutATargetLiesOverWorkdir) {
  for (const char* type : {"bind", "cache", "tmpfs"}) {
    const std::string run = std::string("RUN --mount=type=") + type + " x\n";
    const Plan plan = plan_of("FROM scratch\nWORKDIR /w\n" + run).value();
    EXPECT_EQ(std::get<RunOp>(plan.nodes.back().op).mounts.front().target, "/w") << type;
    const Result<Plan> over_all = plan_of("FROM scratch\n" + run);
    ASSERT_FALSE(over_all) << type;
    EXPECT_EQ(over_all.error().message(), "invalid mount target \"/\"");
    ASSERT_NE(over_all.error().span(), nullptr);
    EXPECT_EQ(over_all.error().span()->line, 2);
  }
  const Plan ssh = plan_of("FROM scratch\nWORKDIR /w\nRUN --mount=type=ssh x\n").value();
  EXPECT_EQ(std::get<RunOp>(ssh.nodes.back().op).mounts.front().target, "/run/buildkit/ssh_agent.0");
}

TEST(Planner, WorkdirKeepsAnAbsolutePathAsWrittenAndJoinsARelativeOne) {
  const auto directory = [](const std::string& instructions) {
    const Plan plan = plan_of("FROM scratch\n" + instructions).value();
    return plan.stages.back().config.working_dir;
  };
  EXPECT_EQ(directory("WORKDIR /a/../b//\n"), "/a/../b//");
  EXPECT_EQ(directory("WORKDIR /a\nWORKDIR b/./c/\n"), "/a/b/c");
  EXPECT_EQ(directory("WORKDIR /a/\nWORKDIR ./\n"), "/a");
  EXPECT_EQ(directory("WORKDIR /a\nWORKDIR $none\n"), "/a");
}

TEST(Planner, CommandsRunInTheCleanPathOfWorkdir) {
  const auto directory = [](const std::string& instructions) {
    const Plan plan = plan_of("FROM a\n" + instructions + "RUN x\n").value();
    return std::get<RunOp>(plan.nodes.back().op).working_dir;
  };
  EXPECT_EQ(directory(""), "/");
  EXPECT_EQ(directory("WORKDIR /a/../b//\n"), "/b");
  EXPECT_EQ(directory("WORKDIR /a/../..\n"), "/");
}

TEST(Planner, WordsMayBeQuotedWhereTheyAreExpanded) {
  EXPECT_EQ(target(plan_of("FROM a\nSTOPSIGNAL \"SIGKILL\"\n").value()).config.stop_signal, "SIGKILL");
  EXPECT_EQ(target(plan_of("FROM a\nSTOPSIGNAL \\9\n").value()).config.stop_signal, "9");
  EXPECT_FALSE(plan_of("FROM a\nSTOPSIGNAL \"NO\"\n"));
}

TEST(Planner, AnUnsetNameOfALabelIsTheEmptyOne) {
  const Plan plan = plan_of("FROM a\nLABEL $none=b\n").value();
  EXPECT_EQ(target(plan).config.labels, (std::map<std::string, std::string>{{"", "b"}}));
  EXPECT_FALSE(plan_of("FROM a\nENV $none=b\n"));
}

TEST(Planner, AllReferenceErrorsAreReportedTogether) {
  const Result<Plan> plan = plan_of("FROM ${none}\nFROM scratch\nCOPY --from=7 /x /x\n");
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().others().size(), 1U);
}

TEST(Planner, GlobalArgumentReachesAStageOnlyWhenDeclared) {
  const Result<Plan> plan = plan_of("ARG V=1\nFROM scratch\nENV BEFORE=$V\nARG V\nENV AFTER=$V\n");
  ASSERT_TRUE(plan);
  EXPECT_EQ(target(*plan).config.env_value("BEFORE"), "");
  EXPECT_EQ(target(*plan).config.env_value("AFTER"), "1");
}

TEST(Planner, StageOnAStageBeginsWithTheImagesVariables) {
  const Plan plan =
      plan_of("FROM scratch AS x\nENV A=env\nARG A=arg B=arg\nENV IN=$A\nFROM x\nENV AFTER=$A B=$B\n")
          .value();
  EXPECT_EQ(target(plan).config.env_value("IN"), "arg");
  EXPECT_EQ(target(plan).config.env_value("AFTER"), "env");
  EXPECT_EQ(target(plan).config.env_value("B"), "arg") << "arguments are handed on";
}

TEST(Planner, BuildArgumentWinsOverDefaultAndFeedsFrom) {
  PlanOptions options;
  options.build_args = {{"TAG", "2"}};
  const Result<Plan> plan = plan_of("ARG TAG=1\nFROM img:$TAG\n", options);
  ASSERT_TRUE(plan);
  EXPECT_EQ(std::get<ImageOp>(plan->nodes[0].op).reference, "img:2");
}

TEST(Planner, ValuesOfOneInstructionSeeTheVariablesBeforeIt) {
  const Result<Plan> plan = plan_of("FROM scratch\nENV abc=hello\nENV abc=bye def=$abc\n");
  ASSERT_TRUE(plan);
  EXPECT_EQ(target(*plan).config.env_value("def"), "hello");
}

TEST(Planner, EntrypointClearsTheBasesCommandButNotOurs) {
  EXPECT_THAT(target(*plan_of("FROM a\nENTRYPOINT [\"x\"]\n")).config.cmd, IsEmpty());
  EXPECT_THAT(target(*plan_of("FROM a\nCMD [\"y\"]\nENTRYPOINT [\"x\"]\n")).config.cmd, ElementsAre("y"));
}

TEST(Planner, BackslashEscapesInHeredocsWhateverTheDirective) {
  const Plan plan = plan_of("# escape=`\nFROM scratch\nENV A=x\nCOPY <<E /f\n`$A \\$A `\n\\\\\nE\n").value();
  const auto& copy = std::get<CopyOp>(plan.nodes.back().op);
  ASSERT_EQ(copy.source.files.size(), 1U);
  EXPECT_EQ(copy.source.files[0].second, "`x $A `\n\\\n");
}

TEST(Planner, FlagsOfWhichVariablesLeaveNothingAreNotGiven) {
  const Result<Plan> plan = plan_of("FROM scratch\nARG NONE\nCOPY --chown=$NONE --chmod=${NONE} f /x\n");
  ASSERT_TRUE(plan) << render(plan.error(), false);
  const auto& copy = std::get<CopyOp>(plan->nodes.back().op);
  EXPECT_EQ(copy.chown, std::nullopt);
  EXPECT_EQ(copy.chmod, std::nullopt);
  EXPECT_EQ(target(*plan).history.back().created_by, "COPY f /x # buildkit");
}

TEST(Planner, OfHeredocsWithOneNameTheLastIsTheFile) {
  const Result<Plan> plan =
      plan_of("FROM scratch\nCOPY <<a <<b <<d/../a /x/\nfirst\na\nother\nb\nlast\nd/../a\n");
  ASSERT_TRUE(plan) << render(plan.error(), false);
  const auto& copy = std::get<CopyOp>(plan->nodes.back().op);
  EXPECT_THAT(copy.source.files, ElementsAre(std::pair("b", "other\n"), std::pair("a", "last\n")));
  const Result<Plan> twice = plan_of("FROM scratch\nCOPY <<a <<a /x/\nfirst\na\nlast\na\n");
  ASSERT_TRUE(twice) << render(twice.error(), false);
  EXPECT_THAT(std::get<CopyOp>(twice->nodes.back().op).source.files, ElementsAre(std::pair("a", "last\n")));
}

TEST(Planner, AHeredocIsAFileOfOneName) {
  for (const std::string name : {"d/f", "..", ".", "/", "a/../b/c"}) {
    const Result<Plan> plan = plan_of("FROM scratch\nCOPY <<" + name + " /x/\n1\n" + name + "\n");
    ASSERT_FALSE(plan) << name;
    EXPECT_THAT(render(plan.error(), false), HasSubstr("a heredoc cannot be the file '" + name + "'"));
  }
}

TEST(Planner, ScriptOfAHeredocIsStartedByTheShell) {
  const Plan plan = plan_of("FROM a\nSHELL [\"ash\", \"-c\"]\nRUN <<E\n#!/bin/x\ny\nE\n").value();
  const auto& run = std::get<RunOp>(plan.nodes.back().op);
  EXPECT_THAT(run.args, ElementsAre("ash", "-c", "/dev/pipes/E"));
  EXPECT_EQ(target(plan).history.back().created_by, "RUN ash -c /dev/pipes/E # buildkit");
}

TEST(Planner, HistoryOfCopyNamesTheFlagsThatBuildKitNames) {
  const Plan plan =
      plan_of("FROM scratch\nCOPY --parents --exclude=*.o --chmod=600 --chown=1:2 --link a /b/\n").value();
  EXPECT_EQ(target(plan).history.back().created_by,
            "COPY --parents --chown=1:2 --chmod=600 a /b/ # buildkit");
}

TEST(Planner, HistoryQuotesWordsAsGoDoes) {
  const Plan plan = plan_of("FROM scratch\nCMD [\"\\u0007\\b\\f\\u000b\\n\\u0001\\\\\"]\n").value();
  EXPECT_EQ(target(plan).history.back().created_by, R"(CMD ["\a\b\f\v\n\x01\\"])");
}

TEST(Planner, HistoryOfRunListsDeclaredArguments) {
  const Result<Plan> plan = plan_of("FROM a\nARG A=1\nRUN make\n");
  ASSERT_TRUE(plan);
  EXPECT_EQ(target(*plan).history.back().created_by, "RUN |1 A=1 /bin/sh -c make # buildkit");
}

TEST(Planner, TriggersOfTheBaseRunFirstAndAreNotHandedOn) {
  image::ImageConfig config = base_config();
  config.on_build = {"RUN from-base"};
  const Result<Plan> plan = plan_of("FROM a\nRUN own\n", {}, config);
  ASSERT_TRUE(plan);
  EXPECT_THAT(titles(*plan), ElementsAre("[1/3] FROM a", "[2/3] RUN from-base", "[3/3] RUN own"));
  EXPECT_THAT(target(*plan).config.on_build, IsEmpty());
}

TEST(Planner, NamedContextReplacesAStageWithItsInstructions) {
  PlanOptions options;
  options.image_contexts = {{"base", "other:1"}};
  const Result<Plan> plan = plan_of("FROM a AS base\nRUN never\nFROM base\nRUN own\n", options);
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->nodes.size(), 2U);
  EXPECT_EQ(std::get<ImageOp>(plan->nodes[0].op).reference, "other:1");
}

TEST(Planner, NamedContextIsFoundByEveryFormOfAnImagesName) {
  for (const char* name : {"app", "app:latest", "docker.io/library/app", "docker.io/app:latest"}) {
    EXPECT_EQ(context_name(name), "app");
    PlanOptions options;
    options.image_contexts = {{"app", "other:1"}};
    const Result<Plan> plan = plan_of(std::string("FROM ") + name + "\nRUN own\n", options);
    ASSERT_TRUE(plan) << name;
    EXPECT_EQ(std::get<ImageOp>(plan->nodes[0].op).reference, "other:1") << name;
  }
  EXPECT_EQ(context_name("app:1"), "app:1");
  EXPECT_EQ(context_name("host.example/team/app:latest"), "host.example/team/app");
  EXPECT_EQ(context_name("No Image"), "No Image");
}

TEST(Planner, NumberOfAStageIsNoNameOfAContext) {
  PlanOptions options;
  options.directory_contexts = {"0"};
  const Result<Plan> plan = plan_of("FROM a\nRUN made\nFROM a\nCOPY --from=0 /f /\n", options);
  ASSERT_TRUE(plan);
  EXPECT_EQ(std::get<CopyOp>(plan->nodes.back().op).source.kind, FileSource::Kind::kNode);
}

TEST(Planner, BindMountOfTheContextBecomesASnapshotOfItsOwn) {
  const Result<Plan> plan = plan_of("FROM a\nRUN --mount=type=bind,source=src,target=/src make\n");
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->nodes.size(), 3U);
  EXPECT_TRUE(std::holds_alternative<CopyOp>(plan->nodes[1].op));
  EXPECT_EQ(plan->nodes[1].parent, kNoNode);
  EXPECT_THAT(plan->nodes[2].inputs, ElementsAre(1));
}

TEST(Planner, InsecureRunIsRefusedWithTheReason) {
  const Result<Plan> plan = plan_of("FROM a\nRUN --security=insecure x\n");
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().message(), HasSubstr("security.insecure is not allowed"));
}

}  // namespace
}  // namespace shale::plan
