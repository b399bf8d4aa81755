// SPDX-License-Identifier: Apache-2.0
// The manual page about lint: its rules are those of the code, and its examples do what it says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "dockerfile/lint.h"
#include "plan/planner.h"

namespace shale::plan {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

struct Section {
  std::string rule;
  std::string text;  // all of it on one line
  std::string bad;
  std::string good;
};

std::vector<Section> read_page() {
  std::ifstream file(SHALE_SOURCE_DIR "/man/shale-lint.7.md");
  std::vector<Section> sections;
  bool among_rules = false;
  bool in_example = false;
  std::string* example = nullptr;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("```")) {
      in_example = !in_example;
    } else if (in_example) {
      if (example != nullptr) *example += line + '\n';
    } else if (line.starts_with("# ")) {
      among_rules = line == "# RULES";
    } else if (among_rules && line.starts_with("## ")) {
      sections.push_back({.rule = line.substr(3), .text = {}, .bad = {}, .good = {}});
    } else if (!sections.empty() && line == "Bad:") {
      example = &sections.back().bad;
    } else if (!sections.empty() && line == "Good:") {
      example = &sections.back().good;
    } else if (among_rules && !sections.empty()) {
      sections.back().text += line + ' ';
    }
  }
  return sections;
}

// The rules that a build with this Dockerfile would name.
std::vector<std::string> rules_of(const std::string& text) {
  Result<dockerfile::ParsedFile> file = dockerfile::parse_dockerfile(text, "Dockerfile");
  EXPECT_TRUE(file) << text << (file ? "" : render(file.error(), false));
  if (!file) return {};
  PlanOptions options;
  options.platform = options.build_platform = {.os = "linux", .architecture = "amd64"};
  options.build_args = {{"TAG", "3"}};
  options.ignore =
      std::make_shared<const dockerfile::IgnoreMatcher>(dockerfile::IgnoreMatcher::parse("*.log").value());
  Result<std::unique_ptr<Planner>> planner = Planner::create(std::move(*file), std::move(options));
  EXPECT_TRUE(planner) << text << (planner ? "" : render(planner.error(), false));
  if (!planner) return {};
  while (true) {
    const Result<std::vector<ImageNeed>> needs = (*planner)->needs();
    EXPECT_TRUE(needs);
    if (!needs || needs->empty()) break;
    for (const ImageNeed& need : *needs) {
      image::ImageConfig config;
      config.platform = {.os = "linux",
                         .architecture = need.reference.ends_with("arm64") ? "arm64" : "amd64"};
      (*planner)->provide(need, config);
    }
  }
  const Result<Plan> plan = (*planner)->plan();
  EXPECT_TRUE(plan) << text << (plan ? "" : render(plan.error(), false));
  std::vector<std::string> rules;
  if (plan)
    for (const Warning& warning : plan->warnings) rules.push_back(warning.rule);
  for (const Warning& warning : (*planner)->early_warnings()) rules.push_back(warning.rule);
  return rules;
}

TEST(LintPage, DescribesEveryRuleInTheOrderOfTheCode) {
  std::vector<std::string> in_page;
  for (const Section& section : read_page()) in_page.push_back(section.rule);
  std::vector<std::string> in_code;
  for (const dockerfile::LintRule& rule : dockerfile::lint_rules()) in_code.emplace_back(rule.name);
  EXPECT_EQ(in_page, in_code);
}

TEST(LintPage, DescriptionsAreThoseOfTheCode) {
  for (const Section& section : read_page()) {
    const dockerfile::LintRule* rule = dockerfile::find_lint_rule(section.rule);
    ASSERT_NE(rule, nullptr) << section.rule;
    EXPECT_THAT(section.text, HasSubstr(std::string(rule->description)));
    EXPECT_EQ(section.text.find("*Experimental.*") != std::string::npos, rule->experimental) << section.rule;
  }
}

TEST(LintPage, BadExamplesAreWarnedAboutAndGoodOnesAreNot) {
  for (const Section& section : read_page()) {
    EXPECT_THAT(rules_of(section.bad), Contains(section.rule)) << section.bad;
    EXPECT_THAT(rules_of(section.good), Not(Contains(section.rule))) << section.good;
  }
}

}  // namespace
}  // namespace shale::plan
