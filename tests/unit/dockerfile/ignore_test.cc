// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/ignore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/json.h"
#include "data.h"

namespace shale::dockerfile {
namespace {

using testing::ElementsAre;

IgnoreMatcher matcher(std::string_view text) {
  auto result = IgnoreMatcher::parse(text);
  EXPECT_TRUE(result.has_value()) << text;
  return result ? std::move(*result) : IgnoreMatcher();
}

TEST(Ignore, TableOfPatterns) {
  NEEDS_CORPUS("dockerignore-patterns.json");
  const auto table = parse_json(read_data(corpus_path("dockerignore-patterns.json")), "the table");
  ASSERT_TRUE(table.has_value());
  EXPECT_GT(table->size(), 70U);
  for (const Json& row : *table) {
    const auto rules = IgnoreMatcher::from_patterns(row["patterns"].get<std::vector<std::string>>());
    ASSERT_TRUE(rules.has_value()) << row.dump();
    EXPECT_EQ(rules->matches(row["path"].get<std::string>()), row["match"].get<bool>()) << row.dump();
  }
}

TEST(Ignore, FileHasCommentsBlanksAndRootedNames) {
  const IgnoreMatcher rules = matcher("\xEF\xBB\xBF# comment\n\n  /a/../b/ \r\n! /b/keep\n #not a comment\n");
  EXPECT_THAT(rules.patterns(), ElementsAre("b", "!b/keep", "#not a comment"));
  EXPECT_TRUE(rules.has_exceptions());
  EXPECT_TRUE(rules.matches("b/x"));
  EXPECT_FALSE(rules.matches("b/keep"));
  EXPECT_FALSE(rules.matches("b/keep/deeper"));
  EXPECT_FALSE(rules.matches("a"));
}

TEST(Ignore, PatternsAreAnchoredAndTheLastMatchDecides) {
  const IgnoreMatcher rules = matcher("*.log\n!important.log\nimportant.log/x\n");
  EXPECT_TRUE(rules.matches("a.log"));
  EXPECT_FALSE(rules.matches("dir/a.log"));
  EXPECT_FALSE(rules.matches("important.log"));
  EXPECT_TRUE(rules.matches("important.log/x"));
}

// What BuildKit's walk makes of patterns about a directory and something below it.
TEST(Ignore, PatternHoldsBelowADirectoryOnlyIfItDecidedThere) {
  const IgnoreMatcher late = matcher("src/gen\n!src\n");
  EXPECT_TRUE(late.matches("src/gen/f"));
  EXPECT_FALSE(late.matches("src/f"));
  const IgnoreMatcher again = matcher("*\n!b/x\nb\n");
  EXPECT_FALSE(again.matches("b/x/f"));
  EXPECT_TRUE(again.matches("b/y"));
  const IgnoreMatcher twice = matcher("a\n!a/b\na/b/c\n!a/b\n");
  EXPECT_TRUE(twice.matches("a/b/c/d"));
  EXPECT_FALSE(twice.matches("a/b/e"));
  EXPECT_TRUE(matcher("**/f\n!b\n").matches("b/x/f"));
  const IgnoreMatcher parent = matcher("b/*\n!b/x\n!b\n");
  EXPECT_TRUE(parent.matches("b/y"));
  EXPECT_FALSE(parent.matches("b/x/f"));
}

TEST(Ignore, MalformedPatternsAreErrorsWithTheirLine) {
  const auto lone = IgnoreMatcher::parse("a\n!\n", "x.dockerignore");
  ASSERT_FALSE(lone.has_value());
  EXPECT_EQ(lone.error().message(), "illegal exclusion pattern: \"!\"");
  ASSERT_NE(lone.error().span(), nullptr);
  EXPECT_EQ(lone.error().span()->line, 2);
  EXPECT_EQ(lone.error().span()->file, "x.dockerignore");
  EXPECT_FALSE(IgnoreMatcher::parse("a[\n").has_value());
  EXPECT_FALSE(IgnoreMatcher::parse("[z-a]\n").has_value());
  EXPECT_TRUE(IgnoreMatcher::parse("[a-a]\n").has_value());
}

TEST(Ignore, WalkPrunesWhatNothingCanBringBack) {
  const IgnoreMatcher rules = matcher("node_modules\nsrc/gen\n!src/gen/keep/*.h\n");
  IgnoreMatcher::State modules;
  IgnoreMatcher::Verdict verdict = rules.visit("node_modules", {}, &modules);
  EXPECT_TRUE(verdict.ignored);
  EXPECT_TRUE(verdict.prune);

  IgnoreMatcher::State src;
  EXPECT_FALSE(rules.visit("src", {}, &src).ignored);
  IgnoreMatcher::State gen;
  verdict = rules.visit("src/gen", src, &gen);
  EXPECT_TRUE(verdict.ignored);
  EXPECT_FALSE(verdict.prune);
  IgnoreMatcher::State other;
  EXPECT_TRUE(rules.visit("src/gen/other", gen, &other).prune);
  IgnoreMatcher::State keep;
  EXPECT_FALSE(rules.visit("src/gen/keep", gen, &keep).prune);
  EXPECT_FALSE(rules.visit("src/gen/keep/a.h", keep, nullptr).ignored);
  EXPECT_TRUE(rules.visit("src/gen/keep/a.c", keep, nullptr).ignored);
}

TEST(Ignore, ExceptionAboveTheDecidingPatternDoesNotHinderPruning) {
  const IgnoreMatcher rules = matcher("!a/b\na\n");
  IgnoreMatcher::State state;
  EXPECT_TRUE(rules.visit("a", {}, &state).prune);
}

TEST(Ignore, ExceptionBringsBackOnlyWhatItCanMatch) {
  const IgnoreMatcher rules = IgnoreMatcher::parse("*\n!sub/a.txt\n!su\\.b/keep\n!deep/*/x\n").value();
  for (const char* path : {"", "sub", "sub/a.txt", "sub/*.txt", "su.b", "deep", "deep/any"})
    EXPECT_TRUE(rules.may_bring_back(path)) << path;
  for (const char* path : {"sub/b.txt", "subset", "sub/a.txt/below", "other"})
    EXPECT_FALSE(rules.may_bring_back(path)) << path;
  EXPECT_TRUE(rules.ignores_root());
  EXPECT_FALSE(IgnoreMatcher::parse(".*\n!*\n")->ignores_root());
}

// A walk with pruning must come to the verdicts of a look at each path alone, whatever the patterns are.
TEST(Ignore, WalkAgreesWithSinglePaths) {
  std::mt19937 random(7);
  const std::vector<std::string> pieces = {"a", "b", "ab", "*", "?", "**", "[ab]", "a*", "*b"};
  const auto pick = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  const std::vector<std::string> names = {"a", "b", "ab", "c"};
  int pruned = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> patterns;
    for (std::size_t i = 0; i <= pick(4); ++i) {
      std::string pattern = pick(3) == 0 ? "!" : "";
      for (std::size_t depth = 0; depth <= pick(3); ++depth)
        pattern += (depth > 0 ? "/" : "") + pieces[pick(pieces.size())];
      patterns.push_back(pattern);
    }
    const auto rules = IgnoreMatcher::from_patterns(patterns);
    ASSERT_TRUE(rules.has_value());
    std::string shown;
    for (const std::string& pattern : patterns) shown += pattern + " ";
    for (const std::string& first : names) {
      IgnoreMatcher::State top;
      const auto top_verdict = rules->visit(first, {}, &top);
      EXPECT_EQ(top_verdict.ignored, rules->matches(first)) << shown << ": " << first;
      for (const std::string& second : names) {
        const std::string path = first + "/" + second;
        IgnoreMatcher::State middle;
        const auto verdict = rules->visit(path, top, &middle);
        EXPECT_EQ(verdict.ignored, rules->matches(path)) << shown << ": " << path;
        if (top_verdict.prune) {
          EXPECT_TRUE(verdict.ignored) << shown << ": pruned " << first << " hides " << path;
          ++pruned;
        }
        for (const std::string& third : names) {
          const std::string leaf = path + "/" + third;
          EXPECT_EQ(rules->visit(leaf, middle, nullptr).ignored, rules->matches(leaf))
              << shown << ": " << leaf;
          if (verdict.prune || top_verdict.prune) {
            EXPECT_TRUE(rules->matches(leaf)) << shown << ": " << leaf;
          }
        }
      }
    }
  }
  EXPECT_GT(pruned, 100);
}

TEST(Ignore, LongPatternsMatchLikeShortOnes) {
  const std::string tail(100, 'x');
  const IgnoreMatcher rules = matcher("**/a*" + tail + "?\n");
  EXPECT_TRUE(rules.matches("d/e/abc" + tail + "y"));
  EXPECT_FALSE(rules.matches("d/e/abc" + tail));
}

}  // namespace
}  // namespace shale::dockerfile
