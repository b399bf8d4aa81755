// SPDX-License-Identifier: Apache-2.0
#include "base/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace shale {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
UniqueFd open_null() { return UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)); }

TEST(UniqueFd, ClosesAtItsEnd) {
  int fd = -1;
  {
    const UniqueFd owner = open_null();
    fd = owner.get();
    ASSERT_TRUE(is_open(fd));
  }
  EXPECT_FALSE(is_open(fd));
}

TEST(UniqueFd, HoldsNothingByDefault) {
  const UniqueFd none;
  EXPECT_FALSE(none);
  EXPECT_FALSE(none.valid());
  EXPECT_EQ(none.get(), -1);
}

TEST(UniqueFd, DescriptorZeroIsOne) {
  // Not closed: it belongs to the test program.
  UniqueFd zero(0);
  EXPECT_TRUE(zero);
  EXPECT_EQ(zero.release(), 0);
}

TEST(UniqueFd, MovingHandsOver) {
  UniqueFd first = open_null();
  const int fd = first.get();
  UniqueFd second = std::move(first);
  EXPECT_EQ(second.get(), fd);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that is the question
  EXPECT_TRUE(is_open(fd));
}

TEST(UniqueFd, AssignmentClosesWhatWasThere) {
  UniqueFd target = open_null();
  const int replaced = target.get();
  UniqueFd source = open_null();
  const int kept = source.get();
  target = std::move(source);
  EXPECT_FALSE(is_open(replaced));
  EXPECT_TRUE(is_open(kept));
  EXPECT_EQ(target.get(), kept);
}

TEST(UniqueFd, AssignmentToItselfKeepsIt) {
  UniqueFd owner = open_null();
  const int fd = owner.get();
  UniqueFd& same = owner;
  owner = std::move(same);
  EXPECT_EQ(owner.get(), fd);
  EXPECT_TRUE(is_open(fd));
}

TEST(UniqueFd, ReleaseLeavesItOpen) {
  UniqueFd owner = open_null();
  const int fd = owner.release();
  EXPECT_FALSE(owner);
  EXPECT_TRUE(is_open(fd));
  ::close(fd);
}

TEST(UniqueFd, ResetTakesAnother) {
  UniqueFd owner = open_null();
  const int before = owner.get();
  UniqueFd other = open_null();
  const int after = other.release();
  owner.reset(after);
  EXPECT_FALSE(is_open(before));
  EXPECT_EQ(owner.get(), after);
}

TEST(UniqueFd, CloseReportsAndLetsGo) {
  UniqueFd owner = open_null();
  EXPECT_TRUE(owner.close());
  EXPECT_FALSE(owner);
  EXPECT_TRUE(owner.close()) << "closing nothing is no error";
  // A number that is closed already stands for any close that fails.
  UniqueFd stale = open_null();
  ::close(stale.get());
  const Status closed = stale.close();
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().errno_value(), EBADF);
  EXPECT_FALSE(stale) << "the number may be somebody else's by now";
}

}  // namespace
}  // namespace shale
