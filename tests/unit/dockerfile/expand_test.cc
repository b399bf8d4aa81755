// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/expand.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "data.h"

namespace shale::dockerfile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string trimmed(std::string text) {
  text.erase(0, std::min(text.find_first_not_of(" \t"), text.size()));
  text.erase(text.find_last_not_of(" \t\n") + 1);
  return text;
}

std::string text_or_error(std::string_view word, const std::vector<std::string>& env,
                          ExpandOptions options = {}) {
  const auto result = expand(word, lookup_in(env), options);
  return result ? *result : "error: " + result.error().message();
}

TEST(Expand, TableOfSingleWords) {
  NEEDS_CORPUS("shell/envVarTest");
  const std::vector<std::string> env = {"PWD=/home", "SHELL=bash", "KOREAN=한국어", "NULL="};
  int checked = 0;
  for (const std::string& line : lines_of(read_data(corpus_path("shell/envVarTest")))) {
    if (line.starts_with('#') || trimmed(line).empty()) continue;
    if (line.starts_with('W')) continue;  // for Windows
    const std::size_t first = line.find('|');
    const std::size_t second = line.find('|', first + 1);
    const std::string word = trimmed(line.substr(first + 1, second - first - 1));
    const std::string expected = trimmed(line.substr(second + 1));
    const auto result = expand(word, lookup_in(env));
    if (expected == "error") {
      EXPECT_FALSE(result.has_value()) << line;
    } else {
      ASSERT_TRUE(result.has_value()) << line << ": " << result.error().message();
      EXPECT_EQ(*result, expected) << line;
    }
    ++checked;
  }
  EXPECT_GT(checked, 180);
}

TEST(Expand, TableOfWordSplitting) {
  NEEDS_CORPUS("shell/wordsTest");
  std::vector<std::string> env;
  int checked = 0;
  for (const std::string& line : lines_of(read_data(corpus_path("shell/wordsTest")))) {
    if (line.starts_with('#') || line.empty()) continue;
    if (line.starts_with("ENV ")) {
      env.push_back(line.substr(line.find_first_not_of(' ', 4)));
      continue;
    }
    const std::size_t bar = line.find('|');
    const std::string word = trimmed(line.substr(0, bar));
    std::string expected = line.substr(bar + 1);
    expected.erase(0, 1);
    const auto result = expand_word(word, lookup_in(env));
    if (expected == "error") {
      EXPECT_FALSE(result.has_value()) << line;
    } else {
      ASSERT_TRUE(result.has_value()) << line << ": " << result.error().message();
      std::string joined;
      for (const std::string& one : result->words) joined += (joined.empty() ? "" : ",") + one;
      EXPECT_EQ(joined, expected) << line;
    }
    ++checked;
  }
  EXPECT_EQ(checked, 24);
}

// Cases of BuildKit's suite, each with what BuildKit made of it.
TEST(Expand, Substitutions) {
  EXPECT_EQ(text_or_error("${FOO:-aaa} ${BAR:-bbb} ${BAZ:-ccc}", {"FOO=xxx", "BAR="}), "xxx bbb ccc");
  EXPECT_EQ(text_or_error("${FOO-aaa} ${BAR-bbb} ${BAZ-ccc}", {"FOO=xxx", "BAR="}), "xxx  ccc");
  EXPECT_EQ(text_or_error("${FOO:+aaa} ${BAR:+bbb} ${BAZ:+ccc}", {"FOO=xxx", "BAR="}), "aaa  ");
  EXPECT_EQ(text_or_error("${FOO+aaa} ${BAR+bbb} ${BAZ+ccc}", {"FOO=xxx", "BAR="}), "aaa bbb ");
  EXPECT_EQ(text_or_error("${FOO#()[]{\\}^$.\\*\\?|\\\\}", {"FOO=()[]{}^$.*?|\\x"}), "x");
  EXPECT_EQ(text_or_error("${FOO#*x*y}", {"FOO=xxyy"}), "y");
  EXPECT_EQ(text_or_error("${FOO#$BAR}", {"FOO=xxyy", "BAR=x"}), "xyy");
  EXPECT_EQ(text_or_error("${FOO##*x}", {"FOO=xxyy"}), "yy");
  EXPECT_EQ(text_or_error("${FOO##}", {"FOO=xxyy"}), "xxyy");
  EXPECT_EQ(text_or_error("${FOO#?\\?}", {"FOO=???y"}), "?y");
  EXPECT_EQ(text_or_error("${ABC:-.}${FOO%x}${ABC:-.}", {"FOO=xxyy"}), ".xxyy.");
  EXPECT_EQ(text_or_error("${FOO%%\\**\\*}", {"FOO=a***yy*"}), "a");
  EXPECT_EQ(text_or_error("${FOO%y*}", {"FOO=xxyy"}), "xxy");
  EXPECT_EQ(text_or_error("${FOO%%y*}", {"FOO=xxyy"}), "xx");
  EXPECT_EQ(text_or_error("${FOO%%$BAR}", {"FOO=xxyy", "BAR="}), "xxyy");
  EXPECT_EQ(text_or_error("${FOO/$NEEDLE/} - ${FOO//$NEEDLE/}", {"FOO=/tmp/tmp/bar.txt", "NEEDLE=/tmp"}),
            "/tmp/bar.txt - /bar.txt");
  EXPECT_EQ(text_or_error("${FOO/$NEEDLE/$NEW}", {"FOO=http://google.de", "NEEDLE=http://", "NEW=https://"}),
            "https://google.de");
  EXPECT_EQ(text_or_error("${FOO//\\//\\/}", {"FOO=/tmp/foo.txt"}), "\\/tmp\\/foo.txt");
  EXPECT_EQ(text_or_error("${FOO///}", {"FOO=xxyy"}), "xxyy");
  EXPECT_EQ(text_or_error("${FOO//*/z}", {"FOO=xxyy"}), "z");
  EXPECT_EQ(text_or_error("${FOO/x*y/z}", {"FOO=axyybxyc"}), "azc");
  EXPECT_EQ(text_or_error("${FOO//?y/z}", {"FOO=xyay"}), "zz");
}

TEST(Expand, ErrorsReadLikeBuildKits) {
  EXPECT_EQ(text_or_error("${FOO:?}", {}),
            "error: failed to process \"${FOO:?}\": FOO: is not allowed to be unset");
  EXPECT_EQ(text_or_error("${FOO:?}", {"FOO="}),
            "error: failed to process \"${FOO:?}\": FOO: is not allowed to be empty");
  EXPECT_EQ(text_or_error("${FOO:?\"foo missing\"}", {}),
            "error: failed to process \"${FOO:?\\\"foo missing\\\"}\": FOO: foo missing");
  EXPECT_THAT(text_or_error("${FOO=aaa}", {}), HasSubstr("unsupported modifier (=) in substitution"));
  EXPECT_THAT(text_or_error("${FOO:#x}", {"FOO=y"}), HasSubstr("unsupported modifier (:#) in substitution"));
  EXPECT_THAT(text_or_error("${FOO//ww}", {"FOO=y"}), HasSubstr("syntax error: missing '/' in ${}"));
  EXPECT_THAT(text_or_error("${FOO/a/b", {"FOO=y"}), HasSubstr("syntax error: missing '}'"));
  EXPECT_THAT(text_or_error("he${}xx", {}), HasSubstr("syntax error: bad substitution"));
  EXPECT_THAT(text_or_error("'hello", {}), HasSubstr("while looking for matching single-quote"));
}

TEST(Expand, BacktickEscapesWhenAskedFor) {
  EXPECT_EQ(text_or_error("`$A C:\\x", {"A=1"}, {.escape = '`'}), "$A C:\\x");
}

TEST(Expand, RawQuotesStayInHeredocs) {
  const ExpandOptions raw{.raw_quotes = true};
  EXPECT_EQ(text_or_error("say \"$A\" '$A'", {"A=1"}, raw), "say \"1\" '$A'");
}

TEST(Expand, UnsetNamesAreListedOnceAndNotWithDefaults) {
  const auto result = expand_word("$a ${a} ${b:-x} ${c} $d", lookup_in({"d=1"}));
  ASSERT_TRUE(result.has_value());
  EXPECT_THAT(result->unset_names, ElementsAre("a", "c"));
  EXPECT_THAT(result->used_names, ElementsAre("d"));
}

TEST(Expand, UnsetNamesCanStay) {
  EXPECT_EQ(text_or_error("$a ${b} ${c:-x}", {"c=1"}, {.keep_unset = true}), "$a ${b} 1");
}

TEST(Expand, LastEntryOfAnEnvironmentWins) { EXPECT_EQ(text_or_error("$A", {"A=1", "AB=2", "A=3"}), "3"); }

TEST(Expand, ValuesDoNotGrowWithoutBound) {
  const std::string big(100'000, 'x');
  EXPECT_EQ(text_or_error("$A", {"A=" + big}).size(), big.size());
  EXPECT_THAT(text_or_error("$A$A", {"A=" + big}), HasSubstr("longer than 128 KiB"));
  EXPECT_THAT(text_or_error("${A//x/xx}", {"A=" + big}), HasSubstr("longer than 128 KiB"));
  EXPECT_THAT(text_or_error("\"$A$A\"", {"A=" + big}), HasSubstr("longer than 128 KiB"));
}

TEST(Expand, DeepNestingIsAnError) {
  std::string word;
  for (int i = 0; i < 10'000; ++i) word += "${A:-";
  word += std::string(10'000, '}');
  EXPECT_THAT(text_or_error(word, {}), HasSubstr("nested deeper than"));
}

}  // namespace
}  // namespace shale::dockerfile
