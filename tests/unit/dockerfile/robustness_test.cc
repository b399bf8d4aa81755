// SPDX-License-Identifier: Apache-2.0
// Inputs made to hurt: none may crash, or take more than its length allows.
#include <gtest/gtest.h>

#include <time.h>

#include <algorithm>
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

double thread_seconds() {
  struct timespec time{};
  (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);  // cannot fail for one's own thread
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// The shortest of a few runs: what else a machine does can only make a run longer.
double shortest(const std::function<void()>& work) {
  constexpr int kRuns = 3;
  double best = 0;
  for (int i = 0; i < kRuns; ++i) {
    const double start = thread_seconds();
    work();
    const double took = thread_seconds() - start;
    best = i == 0 ? took : std::min(best, took);
  }
  return best;
}

// Eight times the input takes about eight times the work; a quadratic algorithm takes sixty-four. No clock is
// compared with a limit of its own, so a slow or busy machine changes nothing.
void expect_linear(const char* what, std::size_t size, const std::function<void(std::size_t)>& work) {
  constexpr std::size_t kFactor = 8;
  constexpr double kMostGrowth = 24;  // between 8 and 64, as far from both
  const auto growth = [&] {
    const double small = shortest([&] { work(size / kFactor); });
    return shortest([&] { work(size); }) / small;
  };
  double least = growth();
  // A burst of other work may hit all runs of one size, but not three times over.
  for (int again = 0; again < 2 && least > kMostGrowth; ++again) least = std::min(least, growth());
  EXPECT_LT(least, kMostGrowth) << what;
}

void parse_and_lint(std::string_view text) {
  const ParseOutcome outcome = parse_dockerfile_all(text, "Dockerfile");
  (void)lint(outcome.file, {});
}

TEST(Robustness, LongFilesAreLinear) {
  using Size = std::size_t;
  expect_linear("unknown instructions", 60'000, [](Size n) { parse_and_lint(repeated("x\n", n)); });
  expect_linear("heredocs without end", 8'000, [](Size n) {
    std::string text = "FROM a\n";
    for (Size i = 0; i < n; ++i) text += "RUN <<E" + std::to_string(i) + "\n";
    parse_and_lint(text);
  });
  expect_linear("many heredocs on a line", 8'000,
                [](Size n) { parse_and_lint("FROM a\nRUN " + repeated("<<A ", n) + "\n"); });
  expect_linear("warnings", 8'000, [](Size n) { parse_and_lint("FROM a\n" + repeated("env a b\n", n)); });
  expect_linear("one long line", 200'000,
                [](Size n) { parse_and_lint("FROM a\nRUN " + repeated("x ", n) + "\n"); });
  expect_linear("continuations", 40'000,
                [](Size n) { parse_and_lint("FROM a\nRUN " + repeated("x\\\n", n) + "\n"); });
  expect_linear("stages", 8'000, [](Size n) { parse_and_lint(repeated("FROM a AS b\n", n)); });
  expect_linear("chained triggers", 16'000,
                [](Size n) { parse_and_lint("FROM a\n" + repeated("ONBUILD ", n) + "RUN x\n"); });
  expect_linear("deep JSON", 200'000,
                [](Size n) { parse_and_lint("FROM a\nCMD " + repeated("[", n) + "\n"); });
  expect_linear("flags", 16'000,
                [](Size n) { parse_and_lint("FROM a\nRUN " + repeated("--x ", n) + "y\n"); });
  expect_linear("port ranges", 400,
                [](Size n) { parse_and_lint("FROM a\nEXPOSE " + repeated("1-65535 ", n) + "\n"); });
}

TEST(Robustness, ExpansionIsLinear) {
  using Size = std::size_t;
  const Lookup none = [](std::string_view) { return std::nullopt; };
  expect_linear("many names", 20'000, [&](Size n) {
    std::string word;
    for (Size i = 0; i < n; ++i) word += "$v" + std::to_string(i);
    EXPECT_TRUE(expand_word(word, none).has_value());
  });
  for (const char* word :
       {"${A//*a*a*a*b/x}", "${A##*a*a*a*b}", "${A%%b*a*a*a}", "${A//a*b/x}", "${A//b/}"}) {
    expect_linear(word, 120'000, [&](Size n) {
      const std::vector<std::string> env = {"A=" + std::string(n, 'a')};
      EXPECT_TRUE(expand_word(word, lookup_in(env)).has_value());
    });
  }
  expect_linear("long pattern", 40'000, [](Size n) {
    const std::vector<std::string> env = {"A=" + std::string(n, 'a')};
    (void)expand_word("${A//" + repeated("*a", 100) + "b/x}", lookup_in(env));
  });
}

TEST(Robustness, PatternsDoNotBlowUp) {
  expect_linear("stars", 4'000, [](std::size_t n) {
    EXPECT_FALSE(glob_match(repeated("a*", 100) + "b", std::string(n, 'a')).value());
  });
  expect_linear("ignore stars", 2'000, [](std::size_t n) {
    const auto rules = IgnoreMatcher::from_patterns({repeated("**/*a", 50) + "b"});
    ASSERT_TRUE(rules.has_value());
    EXPECT_FALSE(rules->matches(std::string(n, 'a') + "/a"));
  });
}

// Bytes at random, from an alphabet that hits the grammar's corners.
TEST(Robustness, RandomTextDoesNotCrash) {
  std::mt19937 random(42);
  const std::vector<std::string> pieces = {"FROM ",
                                           "RUN ",
                                           "COPY ",
                                           "ENV ",
                                           "ARG ",
                                           "ONBUILD ",
                                           "HEALTHCHECK ",
                                           "a",
                                           "=",
                                           "$",
                                           "{",
                                           "}",
                                           ":-",
                                           "#",
                                           "%",
                                           "/",
                                           "\\",
                                           "\n",
                                           " ",
                                           "\"",
                                           "'",
                                           "<<",
                                           "<<-",
                                           "E",
                                           "--x=",
                                           "--mount=",
                                           "[",
                                           "]",
                                           ",",
                                           "\t",
                                           "\r\n",
                                           "`",
                                           "# ",
                                           "é",
                                           "\xff",
                                           std::string(1, '\0'),
                                           "AS ",
                                           "EOF\n",
                                           "check=skip=",
                                           "escape=`\n",
                                           "!",
                                           "**",
                                           "*",
                                           "?",
                                           "-",
                                           "CMD "};
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
