// SPDX-License-Identifier: Apache-2.0
#include "build/copy_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test_trees.h"

namespace shale::build {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What a COPY of `paths` to `destination` puts into its layer, as "path mode uid".
struct Outcome {
  Status status;
  std::vector<std::string> entries;
};

Outcome copy(const layer::SnapshotView& below, std::vector<std::string> paths, std::string destination,
             TestTree& tree, std::optional<Owner> chown = std::nullopt, const char* chmod = nullptr,
             std::vector<std::string> exclude = {}) {
  plan::CopyOp op;
  op.paths = std::move(paths);
  op.destination = std::move(destination);
  op.exclude = std::move(exclude);
  std::optional<dockerfile::Chmod> mode;
  if (chmod != nullptr) mode = dockerfile::Chmod::parse(chmod).value();
  CopyPlan plan(below, chown, mode);
  Outcome out;
  const Result<std::vector<Selected>> selected = select(op, tree);
  if (!selected) {
    out.status = fail(selected.error());
    return out;
  }
  out.status = plan.add(op, tree, *selected);
  for (const auto& [path, planned] : plan.entries()) {
    char text[256];
    std::snprintf(text, sizeof text, "%s %o %u", path.c_str(), planned.entry.mode, planned.entry.uid);
    out.entries.emplace_back(text);
  }
  return out;
}

TestTree source() {
  return TestTree({directory(""), file("a", 0600, 5), directory("d", 0775), file("d/x"), directory("d/s"),
                   file("d/s/y")});
}

TEST(CopyPlan, FileTakesTheDestinationsNameWithoutASlash) {
  TestTree tree = source();
  EXPECT_THAT(copy({}, {"a"}, "/new/name", tree).entries, ElementsAre("new 755 0", "new/name 600 5"));
}

TEST(CopyPlan, NewDirectoriesGetAnOctalModeAndKeepTheirsUnderASymbolicOne) {
  TestTree tree = source();
  EXPECT_THAT(copy({}, {"a"}, "/new/name", tree, {}, "750").entries,
              ElementsAre("new 750 0", "new/name 750 5"));
  EXPECT_THAT(copy({}, {"d/s"}, "/new", tree, {}, "750").entries, ElementsAre("new 750 0", "new/y 750 0"));
  EXPECT_THAT(copy({}, {"d/s"}, "/new", tree, {}, "g+w").entries, ElementsAre("new 755 0", "new/y 664 0"));
}

TEST(CopyPlan, FileGoesIntoADestinationWithASlash) {
  TestTree tree = source();
  EXPECT_THAT(copy({}, {"a"}, "/new/", tree).entries, ElementsAre("new 755 0", "new/a 600 5"));
}

TEST(CopyPlan, FileGoesIntoAnExistingDirectory) {
  TestTree tree = source();
  EXPECT_THAT(copy(view({directory("there", 0700, 7)}), {"a"}, "/there", tree).entries,
              ElementsAre("there 700 7", "there/a 600 5"));
}

TEST(CopyPlan, DirectoryGivesItsContentAndNewTopIsMadeFresh) {
  TestTree tree = source();
  EXPECT_THAT(copy({}, {"d"}, "/to", tree).entries,
              ElementsAre("to 755 0", "to/s 755 0", "to/s/y 644 0", "to/x 644 0"));
}

TEST(CopyPlan, DestinationLinksAreFollowedInsideTheImage) {
  TestTree tree = source();
  EXPECT_THAT(copy(view({directory("real"), symlink("link", "/../../real")}), {"a"}, "/link/", tree).entries,
              ElementsAre("real 755 0", "real/a 600 5"));
}

TEST(CopyPlan, DirectoryOverAFileIsRefused) {
  TestTree tree = source();
  const Outcome out = copy(view({directory("to"), file("to/s")}), {"d"}, "/to", tree);
  ASSERT_FALSE(out.status);
  EXPECT_THAT(out.status.error().message(), HasSubstr("cannot copy to non-directory"));
}

TEST(CopyPlan, FileOverADirectoryIsRefused) {
  TestTree tree = source();
  const Outcome out = copy(view({directory("to"), directory("to/x")}), {"d"}, "/to", tree);
  ASSERT_FALSE(out.status);
}

TEST(CopyPlan, ChownAndChmodReachEverythingThatIsMade) {
  TestTree tree = source();
  EXPECT_THAT(copy({}, {"a"}, "/new/", tree, Owner{.uid = 9, .gid = 9}, "4750").entries,
              ElementsAre("new 4750 9", "new/a 4750 9"));
}

TEST(CopyPlan, ExcludedPathsAreLeftOut) {
  TestTree tree = source();
  EXPECT_THAT(copy({}, {"d"}, "/to/", tree, std::nullopt, nullptr, {"s"}).entries,
              ElementsAre("to 755 0", "to/x 644 0"));
}

TEST(CopyPlan, HardLinksStayLinksWithinOneCopy) {
  layer::Entry second = file("d/z");
  second.hard_link_of = "d/x";
  second.content = Digest::of("d/x");
  TestTree tree({directory(""), directory("d"), file("d/x"), second});
  plan::CopyOp op;
  op.paths = {"d"};
  op.destination = "/to/";
  const layer::SnapshotView nothing;
  CopyPlan plan(nothing, std::nullopt, std::nullopt);
  ASSERT_TRUE(plan.add(op, tree, select(op, tree).value()));
  EXPECT_EQ(plan.entries().at("to/z").entry.hard_link_of, "to/x");

  op.paths = {"d/x", "d/z"};
  CopyPlan apart(nothing, std::nullopt, std::nullopt);
  ASSERT_TRUE(apart.add(op, tree, select(op, tree).value()));
  EXPECT_EQ(apart.entries().at("to/z").entry.hard_link_of, "") << "two sources are two copies";
}

TEST(CopyPlan, ReplacedFileLeavesItsOtherNamesAsTheyWere) {
  layer::Entry second = file("d/y");
  second.hard_link_of = "d/x";
  layer::Entry third = file("d/z");
  third.hard_link_of = "d/x";
  second.content = third.content = Digest::of("d/x");
  TestTree tree({directory(""), directory("d"), file("d/x"), second, third, directory("e"), file("e/x")});
  plan::CopyOp op;
  op.paths = {"d", "e"};
  op.destination = "/to/";
  const layer::SnapshotView nothing;
  CopyPlan plan(nothing, std::nullopt, std::nullopt);
  ASSERT_TRUE(plan.add(op, tree, select(op, tree).value()));
  EXPECT_EQ(plan.entries().at("to/x").from->entry->path, "e/x");
  EXPECT_EQ(plan.entries().at("to/y").entry.hard_link_of, "");
  EXPECT_EQ(plan.entries().at("to/y").from->entry->path, "d/x");
  EXPECT_EQ(plan.entries().at("to/z").entry.hard_link_of, "to/y");
}

TEST(CopyPlan, DirectoryInPlaceOfAFileLeavesTheFilesOtherNames) {
  layer::Entry second = file("y");
  second.hard_link_of = "x";
  second.content = Digest::of("x");
  TestTree files({directory(""), file("x"), second});
  TestTree directories({directory(""), directory("x"), file("x/f")});
  const layer::SnapshotView nothing;
  CopyPlan plan(nothing, std::nullopt, std::nullopt);
  ASSERT_TRUE(plan.add_unpacked("/to/", files, {}));
  ASSERT_EQ(plan.entries().at("to/y").entry.hard_link_of, "to/x");
  ASSERT_TRUE(plan.add_unpacked("/to/", directories, {}));
  EXPECT_TRUE(plan.entries().at("to/x").entry.is_directory());
  EXPECT_EQ(plan.entries().at("to/y").entry.hard_link_of, "");
  EXPECT_EQ(plan.entries().at("to/y").from->entry->path, "x");
}

// tar makes them only to have a place for what is below.
TEST(CopyPlan, DirectoriesThatAnArchiveOnlyImpliesLeaveWhatIsThere) {
  const layer::SnapshotView below = view({directory("lib", 0700, 3), directory("usr"),
                                          directory("usr/real", 0750, 4), symlink("way", "usr/real")});
  layer::Entry made = file("new/f");
  made.mtime_s = 77;
  TestTree archive({directory(""), directory("lib"), file("lib/f"), directory("new"), made, directory("way"),
                    directory("way/d"), file("way/d/f")});
  CopyPlan plan(below, std::nullopt, std::nullopt);
  ASSERT_TRUE(plan.add_unpacked("/", archive, {"lib", "new", "way", "way/d"}));
  EXPECT_EQ(plan.entries().at("lib").entry.mode, 0700U);
  EXPECT_EQ(plan.entries().at("lib").entry.uid, 3U);
  EXPECT_FALSE(plan.entries().contains("way"));
  EXPECT_TRUE(plan.entries().contains("usr/real/d/f"));
  EXPECT_EQ(plan.entries().at("usr/real").entry.mode, 0750U);
  EXPECT_EQ(plan.entries().at("new").entry.mode, 0755U);
  EXPECT_EQ(plan.entries().at("new").entry.mtime_s, 77);  // not the clock's
  CopyPlan named(below, std::nullopt, std::nullopt);
  ASSERT_TRUE(named.add_unpacked("/", archive, {}));
  EXPECT_EQ(named.entries().at("lib").entry.mode, 0755U);
  EXPECT_TRUE(named.entries().at("way").entry.is_directory());
}

TEST(CopyPlan, ModesInAnArchiveAreItsOwnAndDirectoriesItOnlyImpliesAreRoots) {
  TestTree archive(
      {directory(""), directory("d", 02711, 1), file("d/f", 04755, 70), directory("way"), file("way/f")});
  const layer::SnapshotView nothing;
  CopyPlan plan(nothing, Owner{.uid = 7, .gid = 8}, dockerfile::Chmod::parse("700").value());
  ASSERT_TRUE(plan.add_unpacked("/to/x", archive, {"way"}));
  for (const char* path : {"to", "to/x", "to/x/d", "to/x/d/f", "to/x/way/f"}) {
    EXPECT_EQ(plan.entries().at(path).entry.uid, 7U) << path;
    EXPECT_EQ(plan.entries().at(path).entry.gid, 8U) << path;
  }
  EXPECT_EQ(plan.entries().at("to/x").entry.mode, 0755U);
  EXPECT_EQ(plan.entries().at("to/x/d").entry.mode, 02711U);
  EXPECT_EQ(plan.entries().at("to/x/d/f").entry.mode, 04755U);
  EXPECT_EQ(plan.entries().at("to/x/way").entry.mode, 0755U);
  EXPECT_EQ(plan.entries().at("to/x/way").entry.uid, 0U);
}

TEST(CopyPlan, ChmodIsNotForWhatAnArchiveHolds) {
  TestTree archive({directory(""), directory("d", 0711), file("d/f", 0640)});
  const layer::SnapshotView nothing;
  CopyPlan plan(nothing, std::nullopt, dockerfile::Chmod::parse("700").value());
  ASSERT_TRUE(plan.add_unpacked("/to/", archive, {}));
  EXPECT_EQ(plan.entries().at("to").entry.mode, 0755U);
  EXPECT_EQ(plan.entries().at("to/d").entry.mode, 0711U);
  EXPECT_EQ(plan.entries().at("to/d/f").entry.mode, 0640U);
  TestTree files = source();  // beside it on the line
  plan::CopyOp op;
  op.paths = {"a"};
  op.destination = "/to/";
  ASSERT_TRUE(plan.add(op, files, select(op, files).value()));
  EXPECT_EQ(plan.entries().at("to/a").entry.mode, 0700U);
}

TEST(CopyPlan, LinksOnAnArchivesWayTakeTheDestinationForTheRoot) {
  const layer::SnapshotView below = view({directory("real"), directory("to"), directory("to/real"),
                                          symlink("to/way", "/real"), symlink("to/up", "../../real")});
  TestTree archive({directory(""), directory("up"), file("up/f"), directory("way"), file("way/g")});
  CopyPlan plan(below, std::nullopt, std::nullopt);
  ASSERT_TRUE(plan.add_unpacked("/to/", archive, {"up", "way"}));
  EXPECT_TRUE(plan.entries().contains("to/real/f"));
  EXPECT_TRUE(plan.entries().contains("to/real/g"));
  EXPECT_FALSE(plan.entries().contains("real"));
}

TEST(CopyPlan, MissingWorkingDirectoryIsMadeAndAnExistingOneIsLeftAlone) {
  const layer::SnapshotView below = view({directory("app", 0711, 3)});
  CopyPlan existing(below, std::nullopt, std::nullopt);
  ASSERT_TRUE(existing.add_directory("/app", {}));
  EXPECT_TRUE(existing.empty());
  CopyPlan missing(below, std::nullopt, std::nullopt);
  ASSERT_TRUE(missing.add_directory("/app/x", {.uid = 4, .gid = 4}));
  EXPECT_EQ(missing.entries().at("app").entry.uid, 3U);
  EXPECT_EQ(missing.entries().at("app/x").entry.uid, 4U);
}

}  // namespace
}  // namespace shale::build
