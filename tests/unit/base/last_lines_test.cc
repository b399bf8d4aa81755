// SPDX-License-Identifier: Apache-2.0
#include "base/last_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shale {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LastLines, GivesTheLastOnesInTheirOrder) {
  EXPECT_THAT(last_lines("one\ntwo\nthree\n", 2), ElementsAre("two", "three"));
  EXPECT_THAT(last_lines("one\ntwo", 5), ElementsAre("one", "two"));
}

TEST(LastLines, KeepsEmptyLines) {
  EXPECT_THAT(last_lines("one\n\ntwo\n", 3), ElementsAre("one", "", "two"));
}

TEST(LastLines, OfNothingAreNone) {
  EXPECT_THAT(last_lines("", 3), IsEmpty());
  EXPECT_THAT(last_lines("one\n", 0), IsEmpty());
}

TEST(LastLines, ShowNoControlCharacters) {
  EXPECT_THAT(last_lines("\x1b[31mred\tgreen\r\x7f\n", 1), ElementsAre("[31mred green"));
}

TEST(LastLines, AreCutWhenVeryLong) {
  const std::vector<std::string> lines = last_lines(std::string(100'000, 'x') + "\nend\n", 2);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_LT(lines[0].size(), 1000U);
  EXPECT_EQ(lines[1], "end");
}

}  // namespace
}  // namespace shale
