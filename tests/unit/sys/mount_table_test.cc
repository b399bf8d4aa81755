// SPDX-License-Identifier: Apache-2.0
#include "sys/mount_table.h"

#include <gtest/gtest.h>

namespace shale::sys {
namespace {

TEST(MountTable, HasWhatEachLineSays) {
  const MountTable mounts = parse_mount_table(
      "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
      "30 21 0:26 /docker/abc /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw,nsdelegate\n"
      "31 21 0:27 / /mnt rw master:2 propagate_from:1 unbindable - tmpfs none rw,size=4k\n");
  ASSERT_EQ(mounts.size(), 3U);
  EXPECT_EQ(mounts[0].target, "/");
  EXPECT_EQ(mounts[0].type, "ext4");
  EXPECT_EQ(mounts[0].options, "rw,errors=remount-ro");
  EXPECT_EQ(mounts[1].target, "/sys/fs/cgroup");
  EXPECT_EQ(mounts[1].root, "/docker/abc");
  EXPECT_EQ(mounts[1].type, "cgroup2");
  EXPECT_EQ(mounts[1].options, "rw,nsdelegate");
  EXPECT_EQ(mounts[2].target, "/mnt");
  EXPECT_EQ(mounts[2].type, "tmpfs");
}

TEST(MountTable, NamesAreUnescaped) {
  const MountTable mounts = parse_mount_table(
      "1 2 0:3 /r\\011t /mnt/a\\040b\\134c rw - tmpfs none rw\n"
      "4 2 0:4 / /mnt/a\\04 rw - tmpfs none rw\n");
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].target, "/mnt/a b\\c");
  EXPECT_EQ(mounts[0].root, "/r\tt");
  EXPECT_EQ(mounts[1].target, "/mnt/a\\04");
}

TEST(MountTable, LinesThatMakeNoSenseAreLeftOut) {
  EXPECT_TRUE(parse_mount_table("").empty());
  EXPECT_TRUE(parse_mount_table("\n").empty());
  const MountTable mounts = parse_mount_table(
      "1 2 0:3 / /a rw - tmpfs none rw\n"
      "junk\n"
      "4 2 0:4 / /b rw\n"
      "5 2 0:5 / /c rw - tmpfs none rw\n");
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].target, "/a");
  EXPECT_EQ(mounts[1].target, "/c");
}

TEST(MountTable, OfThisProcessHasItsProc) {
  const Result<MountTable> mounts = read_mount_table();
  ASSERT_TRUE(mounts) << mounts.error().message();
  bool found = false;
  for (const Mount& mount : *mounts) found = found || (mount.target == "/proc" && mount.type == "proc");
  EXPECT_TRUE(found);
}

}  // namespace
}  // namespace shale::sys
