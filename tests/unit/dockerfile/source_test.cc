// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/source.h"

#include <gtest/gtest.h>

namespace shale::dockerfile {
namespace {

const std::string kText = "FROM a\nRUN make\nCOPY --from=x a b\nCMD x\n";

TEST(Excerpt, MarksTheLineAndTheColumn) {
  EXPECT_EQ(excerpt(kText, {.file = "f", .line = 3, .column = 6, .end_line = 3, .length = 8}),
            "  2 | RUN make\n"
            "> 3 | COPY --from=x a b\n"
            "    |      ^^^^^^^^\n"
            "  4 | CMD x");
}

TEST(Excerpt, WholeLinesHaveNoCaret) {
  EXPECT_EQ(excerpt(kText, {.file = "f", .line = 1, .end_line = 2}),
            "> 1 | FROM a\n> 2 | RUN make\n  3 | COPY --from=x a b");
}

TEST(Excerpt, OutsideOfTheTextIsNothing) {
  EXPECT_EQ(excerpt(kText, {.file = "f", .line = 9}), "");
  EXPECT_EQ(excerpt(kText, {.file = "f"}), "");
  EXPECT_EQ(excerpt("", {.file = "f", .line = 1}), "");
}

TEST(Excerpt, ControlCharactersAreNotPassedOn) {
  EXPECT_EQ(excerpt("RUN \x1b]52;c\x07 \xff\n", {.file = "f", .line = 1}), "> 1 | RUN ?]52;c? ?");
}

TEST(Excerpt, LongRangesAreShortened) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "line\n";
  const std::string shown = excerpt(text, {.file = "f", .line = 1, .end_line = 1000});
  EXPECT_LT(shown.size(), 400U);
  EXPECT_NE(shown.find("up to line 1000"), std::string::npos);
}

TEST(Excerpt, IndexGivesTheSame) {
  const LineIndex index(kText);
  for (int line = 1; line <= 6; ++line) {
    const SourceSpan span{.file = "f", .line = line, .column = 1, .end_line = line, .length = 2};
    EXPECT_EQ(excerpt(kText, index, span), excerpt(kText, span)) << line;
    EXPECT_EQ(locate(kText, index, span, "x").column, locate(kText, span, "x").column) << line;
  }
}

TEST(Locate, PrefersWholeWords) {
  const SourceSpan span = locate("COPY adb a b\n", {.file = "f", .line = 1, .end_line = 1}, "a");
  EXPECT_EQ(span.column, 10);
  EXPECT_EQ(span.length, 1);
}

TEST(Locate, FindsTheLineOfAContinuation) {
  const SourceSpan span = locate("RUN a \\\n  --bad\n", {.file = "f", .line = 1, .end_line = 2}, "--bad");
  EXPECT_EQ(span.line, 2);
  EXPECT_EQ(span.column, 3);
}

}  // namespace
}  // namespace shale::dockerfile
