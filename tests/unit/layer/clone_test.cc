// SPDX-License-Identifier: Apache-2.0
// A clone is what overlayfs would have shown, and what changes in it is what overlayfs would have kept.
#include "layer/clone.h"

#include "layer/diff.h"
#include "testing.h"

namespace shale::layer {
namespace {

using namespace testing;

using Paths = std::vector<std::string>;

class CloneTest : public LayerTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "whiteouts are devices, which only root can make here";
    for (const char* name : {"lower", "tree", "scratch", "upper"}) make_dir(name);
  }

  // The tree of "lower" as a layer, cloned.
  Clone clone_of_lower() {
    DiffResult lower = must(describe_upper(open_dir("lower").get(), {}));
    lower_ = std::make_shared<const LayerManifest>(std::move(lower.manifest));
    view_ = SnapshotView({lower_});
    Clone clone(open_dir("tree"), open_dir("scratch"));
    must(clone.apply(*lower_, open_dir("lower").get(), go_on_));
    must(clone.begin());
    return clone;
  }

  // What a step has changed, as the layer's names: "-" whiteout, "=" opaque.
  Paths changes(const Clone& clone, const OwnersBeside& owners = {}) {
    must(clone.extract(view_, open_dir("upper").get(), owners));
    DiffOptions options;
    if (!owners.empty()) options.owners = OwnerEncoding::kAttributes;
    options.owners_beside = owners;
    made_ = must(describe_upper(open_dir("upper").get(), view_, options)).manifest;
    Paths out;
    for (const Entry& entry : made_.entries())
      out.push_back((entry.is_whiteout() ? "-" : entry.opaque ? "=" : "") + entry.path);
    return out;
  }

  // In place, as a command does it that keeps the file.
  void overwrite(std::string_view name, std::string_view content) {
    const UniqueFd fd(::open(path(name).c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
    must(sys::write_all(fd.get(), content));
  }

  const std::atomic<bool> go_on_ = false;
  std::shared_ptr<const LayerManifest> lower_;
  SnapshotView view_;
  LayerManifest made_;
};

TEST_F(CloneTest, UnchangedIsEmpty) {
  make_dir("lower/d");
  write("lower/d/a", "a", 04755);
  ASSERT_EQ(::symlink("a", path("lower/d/l").c_str()), 0);
  const Clone clone = clone_of_lower();
  EXPECT_EQ(changes(clone), Paths{});
}

TEST_F(CloneTest, AHigherLayerTakesADirectorysAttributesAway) {
  for (const char* name : {"lower/d", "second", "second/d"}) make_dir(name);
  set_xattr("lower/d", "user.old", "1");
  set_xattr("lower/d", "user.kept", "1");
  set_xattr("lower", "user.shale.owner", "6:7");
  set_xattr("second/d", "user.kept", "2");
  Clone clone = clone_of_lower();
  must(clone.apply(must(describe_upper(open_dir("second").get(), view_)).manifest, open_dir("second").get(),
                   go_on_));
  EXPECT_EQ(must(sys::list_xattrs(open_dir("tree/d").get())), (std::vector<sys::Xattr>{{"user.kept", "2"}}));
  EXPECT_TRUE(must(sys::list_xattrs(open_dir("tree").get())).empty());
}

TEST_F(CloneTest, WhatIsGivenToAnotherOwnerBesideTheDiskIsAChange) {
  make_dir("lower/d");
  write("lower/d/a", "a");
  write("lower/d/b", "b");
  ASSERT_EQ(::symlink("a", path("lower/d/l").c_str()), 0);
  ASSERT_EQ(::symlink("a", path("lower/d/same").c_str()), 0);
  const Clone clone = clone_of_lower();
  // As root emulation does it: the file gets the owner that it has.
  for (const char* name : {"tree/d", "tree/d/a", "tree/d/b", "tree/d/l", "tree/d/same"})
    ASSERT_EQ(::lchown(path(name).c_str(), 0, 0), 0);
  EXPECT_EQ(changes(clone, {{"d/l", {.uid = 3, .gid = 4}}, {"d/a", {.uid = 5}}, {"d/b", {}}}),
            (Paths{"d", "d/l"}));
  EXPECT_EQ(made_.find("d/l")->uid, 3U);
  // Of files, the attribute decides what there is to be said, if there can be one.
  EXPECT_TRUE(sys::exists_at(AT_FDCWD, path("upper/d/a")));
  EXPECT_FALSE(sys::exists_at(AT_FDCWD, path("upper/d/b")));
}

TEST_F(CloneTest, IsACopyThatCannotReachTheLayer) {
  write("lower/a", "before");
  const Clone clone = clone_of_lower();
  overwrite("tree/a", "after!");
  EXPECT_EQ(must(sys::read_file(AT_FDCWD, path("lower/a"))), "before");
  EXPECT_EQ(changes(clone), Paths{"a"});
}

TEST_F(CloneTest, SameSizeAndTimeButOtherBytesIsAChange) {
  write("lower/a", "before");
  const Clone clone = clone_of_lower();
  struct stat before{};
  ASSERT_EQ(::stat(path("tree/a").c_str(), &before), 0);
  overwrite("tree/a", "after!");
  const timespec times[2] = {before.st_mtim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, path("tree/a").c_str(), times, 0), 0);
  EXPECT_EQ(changes(clone), Paths{"a"});
}

TEST_F(CloneTest, DeletionsBecomeWhiteouts) {
  make_dir("lower/d");
  write("lower/d/a", "a");
  write("lower/d/b", "b");
  const Clone clone = clone_of_lower();
  ASSERT_EQ(::unlink(path("tree/d/a").c_str()), 0);
  EXPECT_EQ(changes(clone), (Paths{"d", "-d/a"}));
}

TEST_F(CloneTest, ReplacedDirectoryIsOpaque) {
  make_dir("lower/d");
  write("lower/d/a", "a");
  make_dir("lower/e");
  write("lower/e/a", "other");
  const Clone clone = clone_of_lower();
  ASSERT_EQ(::unlink(path("tree/d/a").c_str()), 0);
  ASSERT_EQ(::rmdir(path("tree/d").c_str()), 0);
  // What is moved here keeps the times it had; its names are those of the directory that was.
  ASSERT_EQ(::rename(path("tree/e").c_str(), path("tree/d").c_str()), 0);
  EXPECT_EQ(changes(clone), (Paths{"=d", "d/a", "-e"}));
  EXPECT_EQ(made_.find("d/a")->content, Digest::of("other"));
}

TEST_F(CloneTest, TakingOneNameAwayLeavesTheOthersUnchanged) {
  write("lower/a", "same");
  ASSERT_EQ(::link(path("lower/a").c_str(), path("lower/b").c_str()), 0);
  ASSERT_EQ(::link(path("lower/a").c_str(), path("lower/c").c_str()), 0);
  const Clone clone = clone_of_lower();
  ASSERT_EQ(::unlink(path("tree/b").c_str()), 0);
  EXPECT_EQ(changes(clone), Paths{"-b"});
}

TEST_F(CloneTest, NamesOfOneFileStayOne) {
  write("lower/a", "same");
  ASSERT_EQ(::link(path("lower/a").c_str(), path("lower/b").c_str()), 0);
  const Clone clone = clone_of_lower();
  struct stat a{};
  struct stat b{};
  ASSERT_EQ(::stat(path("tree/a").c_str(), &a), 0);
  ASSERT_EQ(::stat(path("tree/b").c_str(), &b), 0);
  EXPECT_EQ(a.st_ino, b.st_ino);
  write("tree/new", "n");
  ASSERT_EQ(::link(path("tree/new").c_str(), path("tree/newer").c_str()), 0);
  EXPECT_EQ(changes(clone), (Paths{"new", "newer"}));
  EXPECT_EQ(made_.find("newer")->hard_link_of, "new");
}

TEST_F(CloneTest, WhatIsMovedAsideAndBackIsUnchanged) {
  make_dir("lower/d");
  write("lower/f", "f");
  const Clone clone = clone_of_lower();
  for (const char* name : {"d", "f"}) {
    const std::string place = path(std::string("tree/") + name);
    ASSERT_EQ(::rename(place.c_str(), path("aside").c_str()), 0);
    ASSERT_EQ(::rename(path("aside").c_str(), place.c_str()), 0);
  }
  EXPECT_EQ(changes(clone), Paths{});
}

TEST_F(CloneTest, UpperLayersHideWhatIsBelow) {
  make_dir("lower/d");
  write("lower/d/old", "o");
  write("lower/gone", "g");
  Clone clone = clone_of_lower();
  make_dir("top");
  make_dir("top/d");
  write("top/d/new", "n");
  const LayerManifest top = must(LayerManifest::build({opaque("d"), file("d/new", "n"), whiteout("gone")}));
  must(clone.apply(top, open_dir("top").get(), go_on_));
  EXPECT_EQ(must(sys::list_dir(open_dir("tree").get())), Paths{"d"});
  EXPECT_EQ(must(sys::list_dir(open_dir("tree/d").get())), Paths{"new"});
}

TEST_F(CloneTest, ACopyThatIsNotWantedAnyMoreStops) {
  write("lower/a", "a");
  const LayerManifest lower = must(describe_upper(open_dir("lower").get(), {})).manifest;
  Clone clone(open_dir("tree"), open_dir("scratch"));
  const std::atomic<bool> stop = true;
  const Status applied = clone.apply(lower, open_dir("lower").get(), stop);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().kind(), ErrorKind::kCancelled);
  EXPECT_FALSE(exists("tree/a"));
}

}  // namespace
}  // namespace shale::layer
