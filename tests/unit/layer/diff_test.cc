// SPDX-License-Identifier: Apache-2.0
#include "layer/diff.h"

#include "base/sha256.h"
#include "support/no_threads.h"
#include "testing.h"

namespace shale::layer {
namespace {

using namespace testing;

class DescribeUpper : public LayerTest {
 protected:
  DescribeUpper() {
    if (::geteuid() != 0) return;
    make_dir("fs");
  }
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "whiteouts of overlayfs are devices, which only root can make here";
  }

  void make_whiteout(std::string_view name) {
    ASSERT_EQ(::mknod(path(name).c_str(), S_IFCHR, makedev(0, 0)), 0) << strerror(errno);
  }
  void set_time(std::string_view name, std::int64_t seconds) {
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path(name).c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
  }
  DiffResult describe(const SnapshotView& below = {}, const DiffOptions& options = {}) {
    return must(describe_upper(open_dir("fs").get(), below, options));
  }
  std::vector<std::string> paths(const SnapshotView& below = {}, const DiffOptions& options = {}) {
    std::vector<std::string> out;
    const DiffResult result = describe(below, options);
    for (const Entry& entry : result.manifest.entries()) {
      out.push_back((entry.is_whiteout() ? "-" : entry.opaque ? "=" : "") + entry.path);
    }
    return out;
  }
  static Entry with_time(Entry entry, std::int64_t seconds) {
    entry.mtime_s = seconds;
    return entry;
  }
};

using Paths = std::vector<std::string>;

TEST_F(DescribeUpper, EmptyUpperIsTheWellKnownEmptyLayer) {
  const DiffResult result = describe();
  EXPECT_TRUE(result.manifest.empty());
  EXPECT_EQ(result.diff_id.hex(), "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef");
}

TEST_F(DescribeUpper, DiffIdIsThatOfTheTarWritten) {
  make_dir("fs/d", 0711);
  write("fs/d/big", std::string(3'000'000, 'b'));
  write("fs/d/empty", "");
  write("fs/zz", "z", 04755);
  ASSERT_EQ(::link(path("fs/d/big").c_str(), path("fs/again").c_str()), 0);
  ASSERT_EQ(::symlink("d/big", path("fs/l").c_str()), 0);
  set_xattr("fs/zz", "user.note", "n");
  const DiffResult result = describe();
  Sha256 hash;
  std::uint64_t bytes = 0;
  must(write_layer_tar(result.manifest, open_dir("fs").get(), [&](std::string_view part) -> Status {
    hash.update(part);
    bytes += part.size();
    return {};
  }));
  EXPECT_EQ(hash.finish(), result.diff_id);
  EXPECT_EQ(bytes, result.tar_bytes);
  EXPECT_EQ(describe({}, {.threads = 1}).diff_id, result.diff_id);
  const test::NoThreads none;
  EXPECT_EQ(describe().diff_id, result.diff_id) << "where no thread can be had";
  EXPECT_EQ(result.manifest.find("d/big")->hard_link_of, "again");
  EXPECT_EQ(result.manifest.find("d/big")->content, Digest::of(std::string(3'000'000, 'b')));
  EXPECT_EQ(result.manifest.find("zz")->xattrs, (std::vector<EntryXattr>{{"user.note", "n"}}));
  EXPECT_EQ(result.manifest.find("zz")->mode, 04755U);
}

TEST_F(DescribeUpper, WhiteoutOnlyOfNamesThatAreBelow) {
  make_whiteout("fs/was");
  make_whiteout("fs/never");
  EXPECT_EQ(paths(SnapshotView({manifest_of({file("was")})})), (Paths{"-was"}));
}

TEST_F(DescribeUpper, XattrWhiteoutCounts) {
  write("fs/was", "");
  set_xattr("fs/was", "user.overlay.whiteout", "y");
  set_xattr("fs", "user.overlay.opaque", "x");
  EXPECT_EQ(paths(SnapshotView({manifest_of({file("was")})})), (Paths{"-was"}));
}

TEST_F(DescribeUpper, OpaqueMarkOnlyOverALowerDirectory) {
  for (const char* name : {"fs/old", "fs/new"}) {
    make_dir(name);
    set_xattr(name, "user.overlay.opaque", "y");
  }
  make_whiteout("fs/old/x");
  EXPECT_EQ(paths(SnapshotView({manifest_of({directory("old"), file("old/x")})})), (Paths{"new", "=old"}));
}

TEST_F(DescribeUpper, LeavesOutDirectoriesThatAreAsBelow) {
  for (const char* name : {"fs/same", "fs/same/inner", "fs/later", "fs/mode"}) make_dir(name);
  make_dir("fs/parent");
  write("fs/parent/f", "new");
  for (const char* name : {"fs/same/inner", "fs/same", "fs/mode", "fs/parent"}) set_time(name, 100);
  set_time("fs/later", 200);
  ASSERT_EQ(::chmod(path("fs/mode").c_str(), 0700), 0);
  const SnapshotView below(
      {manifest_of({with_time(directory("same"), 100), with_time(directory("same/inner"), 100),
                    with_time(directory("later"), 100), with_time(directory("mode"), 100),
                    with_time(directory("parent"), 100)})});
  EXPECT_EQ(paths(below), (Paths{"later", "mode", "parent", "parent/f"}));
  EXPECT_EQ(paths(below, {.ignore_directory_times = true}), (Paths{"mode", "parent", "parent/f"}));
}

TEST_F(DescribeUpper, LeavesOutAFileCopiedUpButNotChanged) {
  write("fs/same", "bytes");
  write("fs/other", "BYTES");
  set_time("fs/same", 100);
  set_time("fs/other", 100);
  const SnapshotView below(
      {manifest_of({with_time(file("same", "bytes"), 100), with_time(file("other", "bytes"), 100)})});
  EXPECT_EQ(paths(below), (Paths{"other"}));
}

TEST_F(DescribeUpper, RootOnlyWhenItsModeOwnerOrXattrsChanged) {
  set_time("fs", 12345);
  EXPECT_EQ(paths(), Paths{});
  ASSERT_EQ(::chmod(path("fs").c_str(), 0700), 0);
  EXPECT_EQ(paths(), Paths{""});
  EXPECT_EQ(paths(SnapshotView({manifest_of({directory("", 0700)})})), Paths{});
}

TEST_F(DescribeUpper, StripsOverlaysAttributesAndUnescapesOneLevel) {
  write("fs/f", "x");
  set_xattr("fs/f", "user.overlay.origin", "");
  set_xattr("fs/f", "user.overlay.overlay.opaque", "mine");
  set_xattr("fs/f", "user.own", "1");
  EXPECT_EQ(describe().manifest.find("f")->xattrs,
            (std::vector<EntryXattr>{{"user.overlay.opaque", "mine"}, {"user.own", "1"}}));
}

TEST_F(DescribeUpper, LeavesOutWhatItIsToldTo) {
  make_dir("fs/run");
  write("fs/run/stub", "");
  write("fs/keep", "");
  EXPECT_EQ(paths({}, {.omit = {"run"}}), Paths{"keep"});
}

TEST_F(DescribeUpper, RefusesNamesThatWouldMeanDeletions) {
  write("fs/.wh.passwd", "");
  const auto result = describe_upper(open_dir("fs").get(), {}, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::kUnsupported);
}

TEST_F(DescribeUpper, ReadsFifosAndSocketsWithoutOpeningThem) {
  ASSERT_EQ(::mkfifo(path("fs/fifo").c_str(), 0600), 0);
  ASSERT_EQ(::mknod(path("fs/socket").c_str(), S_IFSOCK | 0600, 0), 0);
  EXPECT_EQ(paths(), (Paths{"fifo", "socket"}));
}

TEST_F(DescribeUpper, OwnersThatNoAttributeHoldsAreAnErrorNotLost) {
  write("fs/f", "x");
  ASSERT_EQ(::symlink("f", path("fs/l").c_str()), 0);
  DiffOptions options;
  options.owners = OwnerEncoding::kAttributes;
  options.owners_beside = {{"l", {.uid = 3, .gid = 4}}};
  EXPECT_EQ(describe({}, options).manifest.find("l")->uid, 3U);
  options.owners_beside["f"] = {.uid = 5, .gid = 6};
  const Result<DiffResult> result = describe_upper(open_dir("fs").get(), {}, options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().to_line(), "'/f' belongs to 5:6 now, which the store cannot keep");
  set_xattr("fs/f", "user.shale.owner", "5:6");
  EXPECT_EQ(describe({}, options).manifest.find("f")->uid, 5U);
}

}  // namespace
}  // namespace shale::layer
