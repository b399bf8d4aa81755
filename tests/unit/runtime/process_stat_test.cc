// SPDX-License-Identifier: Apache-2.0
#include "runtime/process_stat.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace shale::runtime {
namespace {

TEST(ParentInStat, IsWhatTheKernelSays) {
  std::ostringstream text;
  text << std::ifstream("/proc/self/stat").rdbuf();
  EXPECT_EQ(parent_in_stat(text.str()), ::getppid());
}

TEST(ParentInStat, ANameMayHoldAnything) {
  EXPECT_EQ(parent_in_stat("12 (a) R 1 (b) S 7 12 12 0\n"), 7);
  EXPECT_EQ(parent_in_stat("12 (a\n) 9) Z 34 12"), 34);
}

TEST(ParentInStat, NobodyIsNobodysParent) {
  for (const char* text : {"", "12", "12 (a", "12 (a)", "12 (a) ", "12 (a) R", "12 (a) R ", "12 (a) R x"})
    EXPECT_EQ(parent_in_stat(text), 0) << text;
}

}  // namespace
}  // namespace shale::runtime
