// SPDX-License-Identifier: Apache-2.0
// An upper directory says the same about its layer after it was copied elsewhere.
#include "layer/upper_copy.h"

#include "layer/diff.h"
#include "testing.h"

namespace shale::layer {
namespace {

using namespace testing;

class UpperCopyTest : public LayerTest {
 protected:
  void SetUp() override {
    for (const char* name : {"upper", "copy"}) make_dir(name);
  }

  LayerManifest described(const char* directory) {
    return must(describe_upper(open_dir(directory).get(), view_)).manifest;
  }

  // Equal, times included; what only overlayfs reads may be written down in another way.
  void expect_same() {
    const LayerManifest before = described("upper");
    must(copy_upper(open_dir("upper").get(), view_, open_dir("copy").get()));
    EXPECT_EQ(described("copy").serialize(), before.serialize());
  }

  SnapshotView view_;
};

TEST_F(UpperCopyTest, FilesLinksModesTimesAndAttributes) {
  make_dir("upper/d");
  write("upper/d/file", "content", 04755);
  ASSERT_EQ(::link(path("upper/d/file").c_str(), path("upper/other").c_str()), 0);
  ASSERT_EQ(::symlink("file", path("upper/d/soft").c_str()), 0);
  ASSERT_EQ(::mkfifo(path("upper/d/pipe").c_str(), 0640), 0);
  set_xattr("upper/d/file", "user.kept", "value");
  const struct timespec times[2] = {{.tv_sec = 1, .tv_nsec = 2}, {.tv_sec = 3, .tv_nsec = 4}};
  for (const char* name : {"upper/d/file", "upper/d"})
    ASSERT_EQ(::utimensat(AT_FDCWD, path(name).c_str(), times, 0), 0);
  expect_same();
  EXPECT_EQ(described("copy").find("other")->hard_link_of, "d/file");
}

TEST_F(UpperCopyTest, EscapedAttributesAreNotEscapedAgain) {
  write("upper/f", "x");
  set_xattr("upper/f", "user.overlay.overlay.opaque", "mine");
  set_xattr("upper/f", "user.overlay.origin", "noise");
  expect_same();
  EXPECT_EQ(described("copy").find("f")->xattrs, (std::vector<EntryXattr>{{"user.overlay.opaque", "mine"}}));
  EXPECT_EQ(xattr("copy/f", "user.overlay.origin"), "(none)");
}

TEST_F(UpperCopyTest, DeletionsAndReplacedDirectories) {
  view_ = SnapshotView({manifest_of(
      {directory("d"), file("d/a"), directory("d/sub"), file("d/sub/b"), directory("e"), file("e/gone")})});
  make_dir("upper/d");
  make_dir("upper/d/sub");
  set_xattr("upper/d", "user.overlay.opaque", "y");
  make_dir("upper/e");
  ASSERT_EQ(::mknod(path("upper/e/gone").c_str(), S_IFCHR, 0), 0);
  expect_same();
  const LayerManifest made = described("copy");
  EXPECT_TRUE(made.find("d")->opaque);
  EXPECT_EQ(made.find("d/a"), nullptr);
  EXPECT_TRUE(made.find("e/gone")->is_whiteout());
}

}  // namespace
}  // namespace shale::layer
