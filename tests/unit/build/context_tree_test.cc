// SPDX-License-Identifier: Apache-2.0
// The walk through a context's directory.
#include "build/context_tree.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "sys/files.h"

namespace shale::build {
namespace {

class Context : public ::testing::Test {
 protected:
  // `depth` directories "a" below each other in the context.
  void make_deep(int depth) {
    UniqueFd at = open();
    for (int i = 0; i < depth; ++i) {
      ASSERT_EQ(::mkdirat(at.get(), "a", 0755), 0);
      at = sys::open_at(at.get(), "a", O_RDONLY | O_DIRECTORY).value();
    }
  }
  Result<std::unique_ptr<ContextTree>> scan(const std::vector<std::string>& ignored = {}) {
    return ContextTree::scan(place_.path(), open(), dockerfile::IgnoreMatcher::from_patterns(ignored).value(),
                             std::nullopt);
  }

 private:
  UniqueFd open() { return sys::open_at(AT_FDCWD, place_.path(), O_RDONLY | O_DIRECTORY).value(); }
  sys::TempDir place_ = sys::TempDir::create("shale-context-").value();
};

TEST_F(Context, PathsLongerThanAnyProgramCouldNameAreRefused) {
  constexpr int kDepth = 3000;
  struct rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  if (files.rlim_max < 2 * kDepth) GTEST_SKIP() << "the walk has a descriptor for each directory above";
  files.rlim_cur = 2 * kDepth;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  make_deep(kDepth);
  const auto refused = scan();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("longer than 4095 bytes: 'a/a/"), std::string::npos)
      << refused.error().message();
  EXPECT_TRUE(scan({"a/a/a"})) << "what is left out is not looked at";
}

}  // namespace
}  // namespace shale::build
