// SPDX-License-Identifier: Apache-2.0
#include "layer/view.h"

#include <cerrno>

#include "testing.h"

namespace shale::layer {
namespace {

using namespace testing;

std::vector<std::string> names(const std::vector<ViewEntry>& entries) {
  std::vector<std::string> out;
  for (const ViewEntry& view : entries) out.emplace_back(view.entry->name());
  return out;
}

TEST(SnapshotView, MergesDirectoriesOfSeveralLayers) {
  const SnapshotView view({manifest_of({directory("d", 0700), file("d/a"), file("d/c")}), nullptr,
                           manifest_of({directory("d", 0755), file("d/b")})});
  EXPECT_EQ(names(view.children("d")), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(view.find("d")->entry->mode, 0755U) << "the topmost directory's metadata";
  EXPECT_EQ(view.find("d/a")->layer, 0U);
  EXPECT_EQ(view.find("d/b")->layer, 2U);
  EXPECT_FALSE(view.find("d/x"));
  EXPECT_FALSE(view.find("d/a/x"));
}

TEST(SnapshotView, WhiteoutHidesALowerNameAndAllBelowIt) {
  const SnapshotView view(
      {manifest_of({directory("d"), file("d/a"), file("f")}), manifest_of({whiteout("d"), whiteout("f")})});
  EXPECT_FALSE(view.find("d"));
  EXPECT_FALSE(view.find("d/a"));
  EXPECT_FALSE(view.find("f"));
  EXPECT_TRUE(view.children("").empty());
}

TEST(SnapshotView, NameMadeAgainAboveAWhiteoutDoesNotShowWhatTheWhiteoutHid) {
  const SnapshotView view({manifest_of({directory("d"), file("d/old")}), manifest_of({whiteout("d")}),
                           manifest_of({directory("d"), file("d/new")})});
  EXPECT_EQ(names(view.children("d")), (std::vector<std::string>{"new"}));
  EXPECT_FALSE(view.find("d/old"));
}

TEST(SnapshotView, OpaqueDirectoryHidesLowerChildren) {
  const SnapshotView view({manifest_of({directory("d"), file("d/old"), directory("d/sub"), file("d/sub/x")}),
                           manifest_of({opaque("d"), file("d/new"), directory("d/sub")})});
  EXPECT_EQ(names(view.children("d")), (std::vector<std::string>{"new", "sub"}));
  EXPECT_TRUE(view.children("d/sub").empty());
  EXPECT_FALSE(view.find("d/sub/x"));
}

TEST(SnapshotView, FileOverDirectoryAndDirectoryOverFile) {
  const SnapshotView view({manifest_of({directory("d"), file("d/old"), file("f")}),
                           manifest_of({file("d"), directory("f"), file("f/inner")}),
                           manifest_of({directory("d"), file("d/new")})});
  EXPECT_EQ(names(view.children("d")), (std::vector<std::string>{"new"}))
      << "the file in between cuts the merge";
  EXPECT_EQ(names(view.children("f")), (std::vector<std::string>{"inner"}));
}

TEST(SnapshotView, DoesNotConfuseNamesThatShareAPrefix) {
  const SnapshotView view(
      {manifest_of({directory("a"), file("a/x"), directory("a-b"), file("a-b/y"), file("a.c")})});
  EXPECT_EQ(names(view.children("a")), (std::vector<std::string>{"x"}));
  EXPECT_EQ(names(view.children("")), (std::vector<std::string>{"a", "a-b", "a.c"}));
}

TEST(SnapshotView, WalksTheMergedTreeInOrder) {
  const SnapshotView view(
      {manifest_of({directory("d"), file("d/a"), directory("d/s"), file("d/s/q"), file("z")}),
       manifest_of({directory("d"), whiteout("d/a"), directory("d/s"), file("d/s/p")})});
  std::vector<std::string> seen;
  must(view.walk("", [&](const ViewEntry& at) -> Status {
    seen.push_back(at.entry->path);
    return {};
  }));
  EXPECT_EQ(seen, (std::vector<std::string>{"d", "d/s", "d/s/p", "d/s/q", "z"}));
  const Status stopped =
      view.walk("d", [](const ViewEntry&) -> Status { return fail(ErrorKind::kCancelled, "enough"); });
  EXPECT_EQ(stopped.error().message(), "enough");
}

class Resolve : public ::testing::Test {
 protected:
  SnapshotView view_{
      {manifest_of({directory("etc"), file("etc/passwd"), directory("usr"), directory("usr/bin"),
                    file("usr/bin/sh"), symlink("bin", "usr/bin"), symlink("abs", "/etc"),
                    symlink("up", "../../../etc"), symlink("loop", "loop2"), symlink("loop2", "loop"),
                    symlink("dangling", "/usr/share/x"), symlink("usr/rel", "../etc/passwd")})}};
  [[nodiscard]] std::string at(std::string_view path, bool follow = true) const {
    return must(view_.resolve(path, follow)).path;
  }
};

TEST_F(Resolve, FollowsLinksInsideTheRoot) {
  EXPECT_EQ(at("/bin/sh"), "usr/bin/sh");
  EXPECT_EQ(at("abs/passwd"), "etc/passwd");
  EXPECT_EQ(at("up/passwd"), "etc/passwd");
  EXPECT_EQ(at("usr/rel"), "etc/passwd");
  EXPECT_EQ(at("usr/rel", false), "usr/rel");
  EXPECT_EQ(at("bin", false), "bin");
  EXPECT_EQ(at("bin/", false), "usr/bin");
}

TEST_F(Resolve, ClampsDotDotAtTheRoot) {
  EXPECT_EQ(at("../../etc/./../etc//passwd"), "etc/passwd");
  const ResolvedPath root = must(view_.resolve("/..", true));
  EXPECT_TRUE(root.is_root());
  EXPECT_TRUE(root.exists());
}

TEST_F(Resolve, KnowsTheDirectoryThatItGoesBackTo) {
  for (const char* path : {"usr/bin/..", "usr/bin/../.", "bin/..", "usr/missing/..", "usr/bin/../../usr"}) {
    const ResolvedPath back = must(view_.resolve(path, true));
    EXPECT_EQ(back.path, "usr") << path;
    ASSERT_TRUE(back.entry) << path;
    EXPECT_EQ(back.entry->entry->path, "usr") << path;
  }
  EXPECT_EQ(at("bin/../rel"), "etc/passwd");
  EXPECT_EQ(at("usr/missing/../../etc"), "etc");
}

TEST_F(Resolve, CountsTheNamesThatLinksStandFor) {
  EXPECT_EQ(must(view_.resolve("/usr/bin/sh", true)).link_components, 0U);
  EXPECT_EQ(must(view_.resolve("/bin/sh", true)).link_components, 2U);
  EXPECT_EQ(must(view_.resolve("/bin/../rel", true)).link_components, 5U);
}

TEST_F(Resolve, SaysWhereAMissingPathWouldBe) {
  const ResolvedPath missing = must(view_.resolve("/bin/new/file", true));
  EXPECT_FALSE(missing.exists());
  EXPECT_EQ(missing.path, "usr/bin/new/file");
  EXPECT_EQ(missing.existing_ancestor, "usr/bin");
  EXPECT_EQ(missing.missing, (std::vector<std::string>{"new", "file"}));
  const ResolvedPath dangling = must(view_.resolve("dangling/y", true));
  EXPECT_EQ(dangling.path, "usr/share/x/y");
  EXPECT_EQ(dangling.existing_ancestor, "usr");
}

TEST_F(Resolve, StopsAtLinkLoopsAndFilesInTheMiddle) {
  EXPECT_EQ(view_.resolve("loop", true).error().errno_value(), ELOOP);
  EXPECT_TRUE(view_.resolve("loop", false));
  EXPECT_EQ(view_.resolve("etc/passwd/x", true).error().errno_value(), ENOTDIR);
}

TEST_F(Resolve, WorksOnScratch) {
  const ResolvedPath path = must(SnapshotView().resolve("/a/b", true));
  EXPECT_EQ(path.existing_ancestor, "");
  EXPECT_EQ(path.missing, (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace shale::layer
