// SPDX-License-Identifier: Apache-2.0
#include "base/suggest.h"

#include <gtest/gtest.h>

#include <vector>

namespace shale {
namespace {

const std::vector<std::string> kWords = {"build", "builder", "push", "pull", "images", "COPY"};

struct Case {
  std::string word;
  std::string expected;
};

class Suggest : public testing::TestWithParam<Case> {};

TEST_P(Suggest, GivesTheNearest) { EXPECT_EQ(suggest(GetParam().word, kWords), GetParam().expected); }

INSTANTIATE_TEST_SUITE_P(Table, Suggest,
                         testing::Values(Case{"biuld", "build"},   // two neighbours swapped: one edit
                                         Case{"buildd", "build"},  // the first of two that are equally near
                                         Case{"bulider", "builder"},  //
                                         Case{"image", "images"},     //
                                         Case{"pul", "pull"},         //
                                         Case{"copy", "COPY"},        // letters' case does not count
                                         Case{"CPOY", "COPY"},        //
                                         Case{"completely", ""},      // nothing is near
                                         Case{"x", ""},               // a letter is near to everything
                                         Case{"", ""}));

TEST(SuggestLimits, LongWordsAreNotCompared) {
  const std::vector<std::string> words = {std::string(64, 'a'), std::string(65, 'b')};
  EXPECT_EQ(suggest(std::string(63, 'a'), words), words[0]);
  EXPECT_EQ(suggest(std::string(64, 'b'), words), "");
  EXPECT_EQ(suggest(std::string(65, 'a'), words), "");
}

TEST(HintNearest, SaysWhatIsNearAndWhetherAnythingIs) {
  Error near(ErrorKind::kUsage, "unknown command 'biuld'");
  EXPECT_TRUE(hint_nearest(near, "biuld", kWords));
  EXPECT_EQ(near.hints(), std::vector<std::string>{"did you mean 'build'?"});
  Error far(ErrorKind::kUsage, "unknown command 'completely'");
  EXPECT_FALSE(hint_nearest(far, "completely", kWords));
  EXPECT_TRUE(far.hints().empty());
}

TEST(SuggestLimits, NoCandidatesNoSuggestion) { EXPECT_EQ(suggest("build", {}), ""); }

}  // namespace
}  // namespace shale
