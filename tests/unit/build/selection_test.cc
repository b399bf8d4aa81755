// SPDX-License-Identifier: Apache-2.0
#include "build/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test_trees.h"

namespace shale::build {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> pick(const std::vector<std::string>& paths, const SourceTree& tree) {
  plan::CopyOp op;
  op.paths = paths;
  std::vector<std::string> out;
  const std::vector<Selected> selected = select(op, tree).value();
  for (const Selected& one : selected) out.push_back(one.path + " as " + one.name);
  return out;
}

TestTree tree() {
  return TestTree({directory(""), file("a.c"), file("b.c"), directory("d"), file("d/c.c"),
                   symlink("up", "../../../a.c"), symlink("to-d", "/d")});
}

TEST(Selection, WildcardsDoNotCrossDirectories) {
  EXPECT_THAT(pick({"*.c"}, tree()), ElementsAre("a.c as a.c", "b.c as b.c"));
}

TEST(Selection, WildcardThatMatchesNothingPicksNothing) { EXPECT_THAT(pick({"*.h"}, tree()), IsEmpty()); }

TEST(Selection, WildcardInAMissingDirectoryIsAnError) {
  plan::CopyOp op;
  op.paths = {"nope/*"};
  const auto missing = select(op, tree());
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message(), HasSubstr("\"/nope\": not found"));
}

// docker's builder is sent only what the build takes: a directory of which nothing is taken is not there.
TEST(Selection, WildcardWithoutMatchesNeedsADirectoryOfWhichSomethingIsTaken) {
  TestTree sent({directory(""), file("a.c"), directory("d"), file("d/c.c"), directory("d/e"), directory("g"),
                 symlink("to-d", "d")});
  EXPECT_THAT(pick({"d/*.h", "a.c/*"}, sent), IsEmpty());  // everything is there
  sent.taken.emplace();
  const auto picks = [&](std::vector<std::string> words) {
    plan::CopyOp op;
    op.paths = std::move(words);
    return select(op, sent).has_value();
  };
  for (const char* word : {"d/*.h", "to-d/*.h", "d/e/*", "g/*", "a.c/*", "d/[c]/x"})
    EXPECT_FALSE(picks({word})) << word;
  EXPECT_TRUE(picks({"[d]/*.h"}));
  EXPECT_TRUE(picks({"*.h"}));
  EXPECT_TRUE(picks({"d/*.h", "d/c.c"}));
  EXPECT_TRUE(picks({"a.c/*", "*.c"}));
  EXPECT_TRUE(picks({"d/e/*", "d"}));
  EXPECT_FALSE(picks({"d/e/*", "d/c.c"}));
  plan::CopyOp other;
  other.paths = {"d/e"};
  sent.taken->push_back(&other);
  EXPECT_TRUE(picks({"d/*.h"}));
  EXPECT_FALSE(picks({"g/*"}));
}

// docker's client sends what .dockerignore's rules pick, in which "**" matches any number of directories; its
// builder then picks with rules that know no "**".
TEST(Selection, TwoStarsMayMatchNothingWhereTheySendSomething) {
  TestTree sent(
      {directory(""), directory("d"), file("d/c.c"), directory("g"), file("g/c.c"), symlink("to-d", "d")});
  sent.taken.emplace();
  const auto picks = [&](const char* word) {
    plan::CopyOp op;
    op.paths = {word};
    const auto selected = select(op, sent);
    return selected && selected->empty();
  };
  EXPECT_TRUE(picks("d/**/*.c"));
  EXPECT_TRUE(picks("to-d/**/*.c"));
  EXPECT_FALSE(picks("d/**/*.h"));
  EXPECT_FALSE(picks("d/*/*.c"));
}

TEST(Selection, WildcardWithoutMatchesSaysHowToAllowThat) {
  TestTree sent({directory(""), directory("target"), file("target/app.war")});
  sent.taken.emplace();
  plan::CopyOp op;
  op.paths = {"target/*.jar"};
  const std::string text = render(select(op, sent).error(), false);
  EXPECT_THAT(text, HasSubstr("\"/target/*.jar\": nothing matches in the test"));
  EXPECT_THAT(text, HasSubstr("'[t]arget/*.jar'"));
}

TEST(Selection, WrittenLinkIsFollowedAndCannotLeaveTheTree) {
  EXPECT_THAT(pick({"up"}, tree()), ElementsAre("a.c as up"));
  EXPECT_THAT(pick({"../../to-d/../../a.c"}, tree()), ElementsAre("a.c as a.c"));
}

TEST(Selection, MissingNameSuggestsANeighbour) {
  plan::CopyOp op;
  op.paths = {"d/c.cc"};
  const auto missing = select(op, tree());
  ASSERT_FALSE(missing);
  EXPECT_THAT(render(missing.error(), false), HasSubstr("did you mean 'd/c.c'?"));
}

TEST(Selection, LinkToNothingSaysWhereItLeads) {
  TestTree dangling({directory(""), symlink("current", "releases/7")});
  for (const char* word : {"current", "curr*"}) {
    plan::CopyOp op;
    op.paths = {word};
    const std::string text = render(select(op, dangling).error(), false);
    EXPECT_THAT(text, HasSubstr("\"/current\": not found"));
    EXPECT_THAT(text, HasSubstr("it is a link to 'releases/7', where nothing is"));
  }
}

TEST(Selection, LinksInACircleAreNamed) {
  TestTree circle({directory(""), symlink("loop", "loop")});
  for (const char* word : {"loop", "lo*", "loop/x", "loop/*"}) {
    plan::CopyOp op;
    op.paths = {word};
    EXPECT_THAT(select(op, circle).error().message(), HasSubstr("too many symlinks in the test")) << word;
  }
}

TEST(Selection, IgnoredNameSaysSo) {
  plan::CopyOp op;
  op.paths = {"ignored"};
  EXPECT_THAT(render(select(op, tree()).error(), false), HasSubstr(".dockerignore excludes it"));
}

TEST(Selection, DigestKnowsContentModeAndOwnerButNotTime) {
  const auto digest = [](layer::Entry entry) {
    TestTree one({directory(""), std::move(entry)});
    plan::CopyOp op;
    op.paths = {"f"};
    return selection_digest(op, one, select(op, one).value()).value();
  };
  const Digest plain = digest(file("f"));
  layer::Entry later = file("f");
  later.mtime_s = 99;
  EXPECT_EQ(digest(later), plain);
  EXPECT_NE(digest(file("f", 0755)), plain);
  EXPECT_NE(digest(file("f", 0644, 1)), plain);
  layer::Entry other = file("f");
  other.content = Digest::of("other");
  EXPECT_NE(digest(other), plain);
}

}  // namespace
}  // namespace shale::build
