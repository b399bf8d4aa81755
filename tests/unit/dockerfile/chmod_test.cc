// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/chmod.h"

#include <gtest/gtest.h>

namespace shale::dockerfile {
namespace {

std::uint32_t applied(std::string_view text, std::uint32_t mode, bool is_directory = false) {
  const auto parsed = Chmod::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed ? parsed->apply(mode, is_directory) : 0;
}

TEST(Chmod, OctalReplacesAllBits) {
  EXPECT_EQ(applied("755", 04600), 0755U);
  EXPECT_EQ(applied("0644", 0777), 0644U);
  EXPECT_EQ(applied("7777", 0), 07777U);
  EXPECT_EQ(applied("0", 0777), 0U);
  EXPECT_EQ(Chmod::parse("0755")->octal(), 0755U);
  EXPECT_EQ(Chmod::parse("+x")->octal(), std::nullopt);
}

TEST(Chmod, SymbolicChangesOnlyWhatItNames) {
  EXPECT_EQ(applied("+x", 0644), 0755U);
  EXPECT_EQ(applied("u+x", 0644), 0744U);
  EXPECT_EQ(applied("go-rwx", 0777), 0700U);
  EXPECT_EQ(applied("a=r", 0777), 0444U);
  EXPECT_EQ(applied("g=u", 0640), 0660U);
  EXPECT_EQ(applied("u=rwX,go=rX", 0600), 0644U);
  EXPECT_EQ(applied("u=rwX,go=rX", 0600, true), 0755U);
  EXPECT_EQ(applied("u=rwX,go=rX", 0700), 0755U);
  EXPECT_EQ(applied("u+s,+t", 0755), 05755U);
  EXPECT_EQ(applied("u+w-x", 0555), 0755U - 0100U);
}

TEST(Chmod, RefusesWhatIsNeither) {
  for (const std::string_view text : {"64a", "10000", "", "x", "u", "u=rwz", "+x,", ",+x", "8", "-1"}) {
    EXPECT_FALSE(Chmod::parse(text).has_value()) << text;
  }
  EXPECT_EQ(Chmod::parse("64a").error().message(),
            "invalid chmod parameter: '64a'. it should be octal string and between 0 and 07777");
}

}  // namespace
}  // namespace shale::dockerfile
