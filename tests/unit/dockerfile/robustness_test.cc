// SPDX-License-Identifier: Apache-2.0
// Inputs made to hurt: none may crash or take long. The limits are generous; a quadratic algorithm misses
// them by far.
#include <gtest/gtest.h>

#include <ctime>
#include <functional>
#include <random>

#include "data.h"
#include "dockerfile/expand.h"
#include "dockerfile/glob.h"
#include "dockerfile/ignore.h"
#include "dockerfile/lint.h"
#include "dockerfile/parse.h"

namespace shale::dockerfile {
namespace {

std::string repeated(std::string_view piece, std::size_t count) {
  std::string text;
  text.reserve(piece.size() * count);
  for (std::size_t i = 0; i < count; ++i) text += piece;
  return text;
}

void expect_fast(const char* what, const std::function<void()>& work) {
  const std::clock_t start = std::clock();  // of this process: a busy machine changes nothing
  work();
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 5.0) << what;
}

void parse_and_lint(std::string_view text) {
  const ParseOutcome outcome = parse_dockerfile_all(text, "Dockerfile");
  (void)lint(outcome.file, {});
}

TEST(Robustness, LongFilesAreLinear) {
  expect_fast("unknown instructions", [] { parse_and_lint(repeated("x\n", 500'000)); });
  expect_fast("heredocs without end", [] {
    std::string text = "FROM a\n";
    for (int i = 0; i < 50'000; ++i) text += "RUN <<E" + std::to_string(i) + "\n";
    parse_and_lint(text);
  });
  expect_fast("many heredocs on a line",
              [] { parse_and_lint("FROM a\nRUN " + repeated("<<A ", 50'000) + "\n"); });
  expect_fast("warnings", [] { parse_and_lint("FROM a\n" + repeated("env a b\n", 100'000)); });
  expect_fast("one long line", [] { parse_and_lint("FROM a\nRUN " + repeated("x ", 2'000'000) + "\n"); });
  expect_fast("continuations", [] { parse_and_lint("FROM a\nRUN " + repeated("x\\\n", 500'000) + "\n"); });
  expect_fast("stages", [] { parse_and_lint(repeated("FROM a AS b\n", 100'000)); });
  expect_fast("chained triggers",
              [] { parse_and_lint("FROM a\n" + repeated("ONBUILD ", 200'000) + "RUN x\n"); });
  expect_fast("deep JSON", [] { parse_and_lint("FROM a\nCMD " + repeated("[", 1'000'000) + "\n"); });
  expect_fast("flags", [] { parse_and_lint("FROM a\nRUN " + repeated("--x ", 200'000) + "y\n"); });
  expect_fast("port ranges", [] { parse_and_lint("FROM a\nEXPOSE " + repeated("1-65535 ", 5'000) + "\n"); });
}

TEST(Robustness, ExpansionIsLinear) {
  const Lookup none = [](std::string_view) { return std::nullopt; };
  expect_fast("many names", [&] {
    std::string word;
    for (int i = 0; i < 100'000; ++i) word += "$v" + std::to_string(i);
    EXPECT_TRUE(expand_word(word, none).has_value());
  });
  const std::string value(120'000, 'a');
  const std::vector<std::string> env = {"A=" + value};
  for (const char* word :
       {"${A//*a*a*a*b/x}", "${A##*a*a*a*b}", "${A%%b*a*a*a}", "${A//a*b/x}", "${A//b/}"}) {
    expect_fast(word, [&] { EXPECT_TRUE(expand_word(word, lookup_in(env)).has_value()); });
  }
  expect_fast("long pattern",
              [&] { (void)expand_word("${A//" + repeated("*a", 500) + "b/x}", lookup_in(env)); });
}

TEST(Robustness, PatternsDoNotBlowUp) {
  const std::string name(2'000, 'a');
  expect_fast("stars", [&] { EXPECT_FALSE(glob_match(repeated("a*", 500) + "b", name).value()); });
  expect_fast("ignore stars", [&] {
    const auto rules = IgnoreMatcher::from_patterns({repeated("**/*a", 200) + "b"});
    ASSERT_TRUE(rules.has_value());
    EXPECT_FALSE(rules->matches(repeated("aaa/", 500)));
  });
}

// Bytes at random, from an alphabet that hits the grammar's corners.
TEST(Robustness, RandomTextDoesNotCrash) {
  std::mt19937 random(42);
  const std::vector<std::string> pieces = {
      "FROM ", "RUN ", "COPY ", "ENV ",        "ARG ",       "ONBUILD ", "HEALTHCHECK ",
      "a",     "=",    "$",     "{",           "}",          ":-",       "#",
      "%",     "/",    "\\",    "\n",          " ",          "\"",       "'",
      "<<",    "<<-",  "E",     "--x=",        "--mount=",   "[",        "]",
      ",",     "\t",   "\r\n",  "`",           "# ",         "é",        "\xff",
      "\0",    "AS ",  "EOF\n", "check=skip=", "escape=`\n", "!",        "**",
      "*",     "?",    "-",     "CMD "};
  const auto pick = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  const std::vector<std::string> env = {"a=*?\\", "E=x"};
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (std::size_t i = 0; i <= pick(40); ++i) text += pieces[pick(pieces.size())];
    parse_and_lint(text);
    (void)expand_word(text, lookup_in(env));
    (void)expand_word(text, lookup_in(env), {.escape = '`', .raw_quotes = true, .raw_escapes = true});
    (void)glob_match(text, "a/E");
    if (const auto rules = IgnoreMatcher::parse(text)) (void)rules->matches("a/E/a");
    (void)parse_trigger(text, "image");
    (void)LintConfig::parse(text);
  }
}

}  // namespace
}  // namespace shale::dockerfile
