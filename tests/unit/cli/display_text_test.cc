// SPDX-License-Identifier: Apache-2.0
// Tests of text on its way to the terminal: sizes, ages, filtering and width.
#include "cli/display_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/summary.h"
#include "cli/units.h"

namespace shale::cli {
namespace {

using testing::ElementsAre;
using namespace std::chrono_literals;

TEST(Units, SizesAreDockers) {
  const std::pair<std::uint64_t, const char*> cases[] = {{0, "0B"},
                                                         {999, "999B"},
                                                         {1000, "1kB"},
                                                         {74'800'000, "74.8MB"},
                                                         {999'499, "999kB"},
                                                         {999'600, "1MB"},
                                                         {1'860'000'000, "1.86GB"},
                                                         {12'345, "12.3kB"},
                                                         {1'000'000'000'000, "1TB"}};
  for (const auto& [bytes, text] : cases) EXPECT_EQ(format_size(bytes), text);
}

TEST(Units, AgesAreDockers) {
  const std::pair<std::chrono::seconds, const char*> cases[] = {
      {-5s, "Less than a second ago"}, {1s, "1 second ago"},
      {59s, "59 seconds ago"},         {60s, "About a minute ago"},
      {119s, "About a minute ago"},    {150s, "2 minutes ago"},
      {3600s, "About an hour ago"},    {2h, "2 hours ago"},
      {47h, "47 hours ago"},           {48h, "2 days ago"},
      {24h * 13, "13 days ago"},       {24h * 14, "2 weeks ago"},
      {24h * 60, "2 months ago"},      {24h * 730, "2 years ago"}};
  for (const auto& [age, text] : cases) EXPECT_EQ(format_age(age), text);
}

TEST(Units, Durations) {
  EXPECT_EQ(format_duration(0ms), "0.0s");
  EXPECT_EQ(format_duration(1234ms), "1.2s");
  EXPECT_EQ(format_duration(99'960ms), "1m40s");
  EXPECT_EQ(format_duration(125s), "2m05s");
  EXPECT_EQ(format_duration(3720s), "1h02m");
  EXPECT_EQ(format_seconds(125s), "125.0s");
}

TEST(Units, SizesAreReadInPowersOf1024) {
  const std::pair<const char*, std::uint64_t> cases[] = {{"0", 0},
                                                         {"1024", 1024},
                                                         {"64m", 64U << 20U},
                                                         {"64M", 64U << 20U},
                                                         {"64mb", 64U << 20U},
                                                         {"64MiB", 64U << 20U},
                                                         {"1.5k", 1536},
                                                         {"2 g", 2ULL << 30U},
                                                         {"7b", 7}};
  for (const auto& [text, bytes] : cases) {
    const Result<std::uint64_t> size = parse_size(text);
    ASSERT_TRUE(size) << text;
    EXPECT_EQ(*size, bytes) << text;
  }
  for (const char* text : {"", "m", "-1", "64x", "64mm", "inf", "nan", "1e3", "99999999p", "0x10"})
    EXPECT_FALSE(parse_size(text)) << text;
}

TEST(Filter, ColoursStayAndEndWithTheLine) {
  EXPECT_EQ(filter_output("\033[31mred\033[0m plain", Colors::kKeep), "\033[31mred\033[0m plain");
  EXPECT_EQ(filter_output("\033[1;38:5:9mred", Colors::kKeep), "\033[1;38:5:9mred\033[0m");
  EXPECT_EQ(filter_output("\033[31mred\033[0m plain", Colors::kStrip), "red plain");
}

TEST(Filter, NothingElseActsOnTheTerminal) {
  const std::pair<const char*, const char*> cases[] = {
      {"a\033]0;title\ab", "ab"},            // OSC ended by BEL
      {"a\033]52;c;ZXZpbA==\033\\b", "ab"},  // clipboard, ended by ST
      {"a\033]8;;http://x\033\\link\033]8;;\033\\b", "alinkb"},
      {"a\033]0;never ended", "a"},
      {"a\033[2J\033[1;1Hb", "ab"},  // clear, home
      {"a\033[?1049hb", "ab"},       // alternate screen
      {"a\033[>4;1mb", "ab"},        // a private sequence that ends as SGR does
      {"a\033Pq#0\033\\b", "ab"},    // DCS
      {"a\033cb", "ab"},             // reset
      {"a\033(0b", "ab"},            // character set
      {"a\xC2\x9B"
       "2Jb",
       "ab"},  // C1 CSI
      {"a\xC2\x9D"
       "0;t\xC2\x9C"
       "b",
       "ab"},  // C1 OSC and ST
      {"a\xC2\x85"
       "b",
       "ab"},  // C1 NEL
      {"a\b\b\x7f\x0e"
       "b",
       "ab"},
      {"a\tb", "a\tb"},
      {"a\033", "a"},
      {"a\033[", "a"},
      {"\xFF\xC0\x80z", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz"},
      {"gr\xC3\xBC\xC3\x9F", "gr\xC3\xBC\xC3\x9F"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(filter_output(text, Colors::kKeep), expected);
}

TEST(Filter, LinesAreFilteredOneByOne) {
  EXPECT_EQ(filter_lines("\033[31ma\nb\033[2J\n\nc", Colors::kKeep), "\033[31ma\033[0m\nb\n\nc");
}

TEST(Escape, NamesShowWhatTheyContain) {
  EXPECT_EQ(escape_controls("RUN echo \033[31m\a"), "RUN echo \\x1b[31m\\x07");
  EXPECT_EQ(escape_controls("a\n\tb"), "a  b");
  EXPECT_EQ(escape_controls("a\xE2\x80\xAE"
                            "b"),
            "a\\u202eb");  // RIGHT-TO-LEFT OVERRIDE
  EXPECT_EQ(escape_controls("\xC2\x9B"
                            "2J"),
            "\\x9b2J");
  EXPECT_EQ(escape_controls("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate
}

TEST(Overwritten, WhatALaterPartCoversIsLeftOut) {
  EXPECT_THAT(split_overwritten("plain"), ElementsAre("plain"));
  EXPECT_THAT(split_overwritten("crlf\r"), ElementsAre("crlf"));
  EXPECT_THAT(split_overwritten("10%\r50%\r100%"), ElementsAre("100%"));
  EXPECT_THAT(split_overwritten("error: long text\rok"), ElementsAre("error: long text", "ok"));
  EXPECT_THAT(split_overwritten(""), ElementsAre(""));
}

TEST(Width, CountsColumnsNotBytes) {
  EXPECT_EQ(display_width("abc"), 3);
  EXPECT_EQ(display_width("\xC3\xA9"), 1);                  // é
  EXPECT_EQ(display_width("e\xCC\x81"), 1);                 // e and a combining accent
  EXPECT_EQ(display_width("\xE6\x97\xA5\xE6\x9C\xAC"), 4);  // 日本
  EXPECT_EQ(display_width("\xF0\x9F\x9A\x80"), 2);          // a rocket
}

TEST(Width, FitCutsWholeCharacters) {
  EXPECT_EQ(fit("abcdef", 6), "abcdef");
  EXPECT_EQ(fit("abcdefg", 6), "abc...");
  EXPECT_EQ(fit("\xE6\x97\xA5\xE6\x9C\xAC\xE6\x97\xA5\xE6\x9C\xAC", 6), "\xE6\x97\xA5...");
  EXPECT_EQ(fit("abc", 2), "..");
  EXPECT_EQ(fit("abc", 0), "");
}

TEST(Summary, ShowsWhatEachStageLeavesBehind) {
  const BuildSummary summary{
      .stages =
          {{.name = "base", .layer_bytes = 74'800'000, .left_behind_bytes = 74'800'000, .steps_cached = 2},
           {.name = "build",
            .layer_bytes = 840'000'000,
            .left_behind_bytes = 828'000'000,
            .elapsed = 125s,
            .steps_run = 3,
            .steps_cached = 1},
           {.name = "2", .layer_bytes = 12'100'000, .elapsed = 400ms, .steps_run = 2, .in_result = true}},
      .image_bytes = 24'200'000,
      .left_behind_bytes = 902'800'000};
  EXPECT_EQ(render_summary(summary, 100s, Colors::kStrip),
            " STAGE   STEPS              TIME     SIZE   LEFT BEHIND\n"
            " base    2 cached              -   74.8MB        74.8MB\n"
            " build   3 run, 1 cached   2m05s    840MB         828MB\n"
            " 2       2 run              0.4s   12.1MB             -\n"
            " image 24.2MB, 903MB left behind; 5 run, 3 cached in 1m40s\n");
}

TEST(Summary, OneStageNeedsNoTable) {
  const BuildSummary summary{
      .stages = {{.name = "0", .layer_bytes = 5, .steps_cached = 3, .in_result = true}}, .image_bytes = 5000};
  EXPECT_EQ(render_summary(summary, 20ms, Colors::kStrip),
            " image 5kB, nothing left behind; 3 cached in 0.0s\n");
}

TEST(WarningText, HasPlaceRuleAndExcerpt) {
  const Warning warning{.rule = "StageNameCasing",
                        .text = "stage name 'Foo' should be lower case",
                        .span = {.file = "Dockerfile", .line = 3, .column = 6},
                        .excerpt = "  3 | FROM x AS Foo\n    |           ^^^\n"};
  EXPECT_EQ(render_warning(warning, Colors::kStrip),
            "Dockerfile:3:6: warning: stage name 'Foo' should be lower case [StageNameCasing]\n"
            "  3 | FROM x AS Foo\n    |           ^^^\n");
  EXPECT_EQ(render_warning({.text = "plain"}, Colors::kKeep), "\033[1;33mwarning:\033[0m plain\n");
}

}  // namespace
}  // namespace shale::cli
