// SPDX-License-Identifier: Apache-2.0
// Files whose plan would be far larger than they are.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/planner.h"

namespace shale::plan {
namespace {

using ::testing::HasSubstr;

Result<Plan> plan_of(const std::string& text) {
  ASSIGN_OR_RETURN(dockerfile::ParsedFile file, dockerfile::parse_dockerfile(text, "Dockerfile"));
  ASSIGN_OR_RETURN(const std::unique_ptr<Planner> planner, Planner::create(std::move(file), {}));
  return planner->plan();
}

std::string repeated(std::string_view line, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += fmt::format("{}\n", fmt::format(fmt::runtime(line), i));
  return out;
}

// "ENV A=" with 64 KiB: half of what one value may have.
std::string long_value(std::string_view keyword) {
  return fmt::format("{} A=aaaaaaaa\n", keyword) + repeated(fmt::format("{} A=$A$A", keyword), 13);
}

void expect_too_much(const std::string& text) {
  const Result<Plan> plan = plan_of(text);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().kind(), ErrorKind::kDockerfile);
  EXPECT_THAT(plan.error().message(), HasSubstr("expand to more than 64 MiB"));
  ASSERT_NE(plan.error().span(), nullptr);
  EXPECT_GT(plan.error().span()->line, 0);
}

TEST(PlanRobustness, ValuesThatRepeatEachOtherAreRefused) {
  expect_too_much("FROM scratch\n" + long_value("ENV") + repeated("LABEL L{}=$A", 2000));
  expect_too_much(long_value("ARG") + repeated("ARG G{}=$A", 2000) + "FROM scratch\n");
}

TEST(PlanRobustness, EveryRunHoldsTheWholeEnvironment) {
  expect_too_much("FROM scratch\n" + long_value("ENV") + repeated("ENV E{}=$A", 100) +
                  repeated("RUN {}", 100));
}

TEST(PlanRobustness, EveryStageTakesOverWhatTheOneBelowHas) {
  expect_too_much("FROM scratch AS s\n" + long_value("ENV") + repeated("LABEL L{}=$A", 100) +
                  repeated("FROM s AS s{0}\nFROM s{0} AS s", 100));
}

TEST(PlanRobustness, LargeFilesOfPeoplePass) {
  const std::string value(1000, 'x');
  std::string text = "FROM scratch\n" + repeated("ENV E{}=" + value, 100) + repeated("RUN {}", 300);
  const Result<Plan> plan = plan_of(text);
  ASSERT_TRUE(plan) << render(plan.error(), false);
  EXPECT_EQ(plan->nodes.size(), 300U);
}

}  // namespace
}  // namespace shale::plan
