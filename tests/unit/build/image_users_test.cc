// SPDX-License-Identifier: Apache-2.0
#include "build/image_users.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shale::build {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<std::optional<std::string>> accounts(const std::string& path) {
  if (path == "/etc/passwd")
    return "root:x:0:0:root:/root:/bin/sh\n1234:x:7:8::/seven:/bin/sh\nweb:x:33:34::/var/www:/bin/"
           "sh\nbroken\n";
  if (path == "/etc/group") return "root:x:0:\nstaff:x:50:web,other\nmore:x:51:web\n";
  return std::nullopt;
}
Result<std::optional<std::string>> nobody(const std::string&) { return std::nullopt; }

TEST(RunUser, NameBringsGroupHomeAndSupplementaryGroups) {
  const RunUser user = resolve_run_user("web", accounts).value();
  EXPECT_EQ(user.uid, 33U);
  EXPECT_EQ(user.gid, 34U);
  EXPECT_EQ(user.home, "/var/www");
  EXPECT_THAT(user.groups, ElementsAre(34U, 50U, 51U));
}

TEST(RunUser, ExplicitGroupDropsOtherGroups) {
  const RunUser user = resolve_run_user("web:staff", accounts).value();
  EXPECT_EQ(user.gid, 50U);
  EXPECT_THAT(user.groups, ElementsAre(50U));
}

// CVE-2026-46680: a row whose name is a number must not answer for that number.
TEST(RunUser, NumberIsNeverLookedUpAsAName) {
  const RunUser user = resolve_run_user("1234", accounts).value();
  EXPECT_EQ(user.uid, 1234U);
  EXPECT_EQ(user.gid, 0U);
}

TEST(RunUser, FirstRowOfTheFileCounts) { EXPECT_EQ(resolve_run_user("root", accounts)->home, "/root"); }

TEST(RunUser, OutOfRangeIsRefused) {
  EXPECT_FALSE(resolve_run_user("4294967296", accounts));
  EXPECT_FALSE(resolve_run_user("2147483648", accounts));
  EXPECT_FALSE(resolve_run_user("0x0", accounts));
}

TEST(RunUser, UnknownNameIsAnErrorWithTheNearest) {
  const auto user = resolve_run_user("wbe", accounts);
  ASSERT_FALSE(user);
  EXPECT_THAT(render(user.error(), false), HasSubstr("did you mean 'web'?"));
}

TEST(RunUser, ImageWithoutAccountsHasARoot) { EXPECT_EQ(resolve_run_user("root", nobody)->uid, 0U); }

TEST(RunUser, RowsThatNoCommandCouldBeGivenAreRefusedOrLeftOut) {
  const auto hostile = [](const std::string& path) -> Result<std::optional<std::string>> {
    if (path == "/etc/passwd")
      return std::string("web:x:1:1::/a\0b:/bin/sh\n", 24) + "web:x:33:34::/var/www:/bin/sh\n";
    std::string groups;
    for (int i = 0; i < 70'000; ++i) groups += "g:x:" + std::to_string(i) + ":web\n";
    return groups;
  };
  EXPECT_EQ(resolve_owner("web", hostile)->uid, 33U);
  const auto user = resolve_run_user("web", hostile);
  ASSERT_FALSE(user);
  EXPECT_EQ(user.error().kind(), ErrorKind::kDockerfile);
  EXPECT_THAT(user.error().message(), HasSubstr("65536 groups"));
}

TEST(Owner, NumberWithoutGroupIsItsOwnGroup) { EXPECT_EQ(resolve_owner("1001", accounts)->gid, 1001U); }
TEST(Owner, ColonWithoutGroupIsGroupZero) {
  for (const char* owner : {"1001:", "web:"}) EXPECT_EQ(resolve_owner(owner, accounts)->gid, 0U) << owner;
  EXPECT_EQ(resolve_owner("1001:", accounts)->uid, 1001U);
}
TEST(Owner, NameWithoutGroupTakesThePrimaryGroup) { EXPECT_EQ(resolve_owner("web", accounts)->gid, 34U); }
TEST(Owner, PlusBeforeANumberChangesNothing) {
  EXPECT_EQ(resolve_owner("+5:+6", accounts)->uid, 5U);
  EXPECT_EQ(resolve_owner("+5:+6", accounts)->gid, 6U);
  EXPECT_EQ(resolve_run_user("+33", accounts)->gid, 34U);
  EXPECT_FALSE(resolve_run_user("++5", accounts));
  EXPECT_FALSE(resolve_owner("+", accounts));
}
// As for WORKDIR, where nothing runs yet.
TEST(Owner, WhatNobodyHasCanBePassedOver) {
  const auto lenient = [](std::string_view owner) {
    const Owner found = resolve_owner(owner, accounts, UnknownOwner::kPassedOver).value();
    return std::pair(found.uid, found.gid);
  };
  EXPECT_EQ(lenient("web:web"), std::pair(33U, 34U));
  EXPECT_EQ(lenient("5:nobody"), std::pair(5U, 5U));
  EXPECT_EQ(lenient("nobody:staff"), std::pair(0U, 50U));
  EXPECT_EQ(lenient("nobody"), std::pair(0U, 0U));
  EXPECT_EQ(lenient("web:"), std::pair(33U, 0U));
}
TEST(Owner, UnknownNameIsNotSilentlyRoot) { EXPECT_FALSE(resolve_owner("nobody-here", accounts)); }

}  // namespace
}  // namespace shale::build
