// SPDX-License-Identifier: Apache-2.0
#include "export/local.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/export/fixture.h"

namespace shale::exporter {
namespace {

class LocalTest : public ExportTest {
 protected:
  [[nodiscard]] std::string content(const std::string& name) const {
    return sys::read_file(AT_FDCWD, path(name)).value_or("(none)");
  }
  [[nodiscard]] struct stat info(const std::string& name) const {
    return sys::stat_at(AT_FDCWD, path(name)).value();
  }

  // Two layers: the upper one replaces the first name of a hard-link group, and a directory by a link.
  std::vector<std::string> two_layers() {
    const Result<store::LayerRecord> lower = layer([](int fs) {
      file(fs, "a", "linked");
      ASSERT_EQ(::linkat(fs, "a", fs, "b", 0), 0);
      ASSERT_EQ(::linkat(fs, "a", fs, "c", 0), 0);
      ASSERT_OK(sys::make_dir(fs, "dir/sub", 0755, true));
      file(fs, "dir/sub/f", "deep", 0640);
      ASSERT_OK(sys::make_dir(fs, "gone", 0755));
      file(fs, "gone/x", "x");
    });
    EXPECT_TRUE(lower);
    const Result<layer::SnapshotView> below = view({lower->id});
    const Result<store::LayerRecord> upper = layer(
        [](int fs) {
          file(fs, "a", "replaced", 0600);
          ASSERT_EQ(::symlinkat("dir/sub", fs, "gone"), 0);
          ASSERT_EQ(::mkfifoat(fs, "pipe", 0644), 0);
        },
        *below);
    EXPECT_TRUE(upper);
    return {lower->id, upper->id};
  }
};

TEST_F(LocalTest, WritesTheMergedView) {
  ASSERT_OK(write_local(*store_, two_layers(), path("new/out"), {}, progress_));
  EXPECT_EQ(content("new/out/a"), "replaced");
  EXPECT_EQ(info("new/out/a").st_mode & 07777, 0600U);
  EXPECT_EQ(content("new/out/b"), "linked");
  EXPECT_EQ(info("new/out/b").st_ino, info("new/out/c").st_ino);
  EXPECT_EQ(info("new/out/b").st_nlink, 2U);
  EXPECT_EQ(content("new/out/dir/sub/f"), "deep");
  EXPECT_EQ(info("new/out/dir/sub/f").st_mode & 07777, 0640U);
  EXPECT_EQ(sys::read_link(AT_FDCWD, path("new/out/gone")).value(), "dir/sub");
  EXPECT_TRUE(S_ISFIFO(info("new/out/pipe").st_mode));
}

TEST_F(LocalTest, OneTimeCanBeGivenToAll) {
  const std::vector<std::string> layers = two_layers();
  ASSERT_OK(write_local(*store_, layers, path("out"), {.mtime_s = 1'600'000'000}, progress_));
  for (const char* name : {"out/a", "out/b", "out/dir", "out/dir/sub/f", "out/gone", "out/pipe"}) {
    EXPECT_EQ(info(name).st_mtim.tv_sec, 1'600'000'000) << name;
    EXPECT_EQ(info(name).st_mtim.tv_nsec, 0) << name;
  }
}

TEST_F(LocalTest, CanBeRepeated) {
  const std::vector<std::string> layers = two_layers();
  ASSERT_OK(write_local(*store_, layers, path("out"), {}, progress_));
  file(AT_FDCWD, path("out/mine"), "stays");
  ASSERT_OK(write_local(*store_, layers, path("out"), {}, progress_));
  EXPECT_EQ(content("out/mine"), "stays");
  EXPECT_EQ(info("out/b").st_nlink, 2U);
  EXPECT_FALSE(sys::exists_at(AT_FDCWD, path("out/.shale-export")));
}

TEST_F(LocalTest, FollowsNoLinkOfTheDestination) {
  ASSERT_OK(sys::make_dir(AT_FDCWD, path("victim"), 0755));
  file(AT_FDCWD, path("victim/a"), "precious");
  ASSERT_OK(sys::make_dir(AT_FDCWD, path("out"), 0755));
  ASSERT_EQ(::symlink("../victim", path("out/dir").c_str()), 0);
  ASSERT_EQ(::symlink("../victim/a", path("out/a").c_str()), 0);
  ASSERT_OK(write_local(*store_, two_layers(), path("out"), {}, progress_));
  EXPECT_EQ(content("victim/a"), "precious");
  EXPECT_FALSE(sys::exists_at(AT_FDCWD, path("victim/sub")));
  EXPECT_TRUE(S_ISDIR(info("out/dir").st_mode));
  EXPECT_TRUE(S_ISREG(info("out/a").st_mode));
}

TEST_F(LocalTest, ReplacesADirectoryByAFile) {
  ASSERT_OK(sys::make_dir(AT_FDCWD, path("out/a/b"), 0755, true));
  ASSERT_OK(write_local(*store_, two_layers(), path("out"), {}, progress_));
  EXPECT_EQ(content("out/a"), "replaced");
}

TEST_F(LocalTest, FlatTarsAreEqualForEqualViewsAndHoldEveryNameOnce) {
  const std::vector<std::string> layers = two_layers();
  ASSERT_OK(write_flat_tar(*store_, layers, path("1.tar"), std::nullopt, progress_));
  ASSERT_OK(write_flat_tar(*store_, layers, path("2.tar"), std::nullopt, progress_));
  const std::string tar = content("1.tar");
  EXPECT_EQ(tar, content("2.tar"));
  std::vector<std::string> names;
  std::string link_of_c;
  for (std::size_t at = 0; at + 512 <= tar.size() && tar[at] != '\0';) {
    names.emplace_back(tar.c_str() + at);
    if (names.back() == "c") link_of_c = tar.c_str() + at + 157;
    at += 512 + (std::stoul(tar.substr(at + 124, 11), nullptr, 8) + 511) / 512 * 512;
  }
  std::erase(names, "./");  // described only where the tests' own directories do not belong to root
  const std::vector<std::string> expected = {"a", "b", "c", "dir/", "dir/sub/", "dir/sub/f", "gone", "pipe"};
  EXPECT_EQ(names, expected);
  EXPECT_EQ(link_of_c, "b");  // the group's first name is hidden
}

}  // namespace
}  // namespace shale::exporter
