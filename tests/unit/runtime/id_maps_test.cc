// SPDX-License-Identifier: Apache-2.0
// /etc/subuid and the kernel's id maps.
#include <gtest/gtest.h>

#include "runtime/map_helpers.h"
#include "runtime/userns.h"

namespace shale::runtime {
namespace {

using Maps = std::vector<IdMap>;

TEST(Passwd, FirstRowWithTheIdNamesTheUser) {
  const std::string_view text =
      "root:x:0:0::/:/bin/sh\nann:x:1000:5::/home/ann:\nan2:x:1000:5::/:\nbob:x:10:1000:::\n";
  EXPECT_EQ(passwd_name(text, 1000), "ann");
  EXPECT_EQ(passwd_name(text, 0), "root");
  EXPECT_EQ(passwd_name(text, 5), "");
}

TEST(Passwd, MalformedRowsNameNobody) {
  EXPECT_EQ(passwd_name("\nann\nann:x\n:x:7:\n#c:x:7:7\nbob:x:7x:1\nbob:x:-7:1\nann:1000", 7), "#c");
  EXPECT_EQ(passwd_name("ann:x:7", 7), "ann");
  EXPECT_EQ(passwd_name("", 0), "");
}

TEST(Passwd, RowsAreFoundByTheirWholeName) {
  EXPECT_TRUE(passwd_has("root:x:0:0\nann:x:1:1", "ann"));
  EXPECT_FALSE(passwd_has("anna:x:1:1\n x:ann\n", "ann"));
}

TEST(SubordinateIds, RangeByName) {
  EXPECT_EQ(parse_subordinate_ids("root:1:2\nann:100000:65536\nbob:165536:65536\n", "ann", 1000),
            (Maps{{1, 100000, 65536}}));
}

TEST(SubordinateIds, AFreeRangeIsBehindAllOthers) {
  const Maps all{{0, 0, 4294967295}};
  const auto first = [&](std::string_view text) { return free_subordinate_ids(text, all, 1000).outside; };
  EXPECT_EQ(free_subordinate_ids("", all, 1000), (IdMap{1, 100000, 65536}));
  EXPECT_EQ(first("root:1:2\n#x:900000:9\nann:100000:65536\nbob:165536:65536\nbad:x:y\n"), 231072U);
  EXPECT_EQ(first("ann:4294967000:200\n"), 100000U);
}

// As in podman's containers without root.
TEST(SubordinateIds, AFreeRangeIsOfIdsThatExist) {
  const Maps container{{0, 2000, 1}, {1, 200000, 65536}};
  EXPECT_EQ(free_subordinate_ids("", container, 1000), (IdMap{1, 1001, 64536}));
  EXPECT_EQ(free_subordinate_ids("ann:100000:65536\n", container, 60000), (IdMap{1, 1, 59999}));
  const Maps keeps_id{{0, 1, 2000}, {2000, 0, 1}, {2001, 2001, 63536}};
  EXPECT_EQ(free_subordinate_ids("", keeps_id, 2000), (IdMap{1, 2001, 63536}));
  EXPECT_EQ(free_subordinate_ids("", {{0, 1000, 1}}, 0).count, 0U);
}

TEST(SubordinateIds, WhatDoesNotExistIsLeftOut) {
  const Maps container{{0, 2000, 1}, {1, 200000, 65536}};
  EXPECT_EQ(ids_that_exist({{1, 100000, 65536}}, container), Maps());
  EXPECT_EQ(ids_that_exist({{1, 1, 999}, {1000, 1001, 64535}}, container),
            (Maps{{1, 1, 999}, {1000, 1001, 64535}}));
  EXPECT_EQ(ids_that_exist({{1, 100000, 9}, {10, 65000, 65536}}, container), (Maps{{1, 65000, 537}}));
  EXPECT_EQ(ids_that_exist({{1, 5, 10}}, {{0, 0, 7}, {9, 9, 3}}), (Maps{{1, 5, 2}, {3, 9, 3}}));
  EXPECT_EQ(ids_that_exist({{1, 100000, 65536}}, {{0, 0, 4294967295}}), (Maps{{1, 100000, 65536}}));
}

TEST(SubordinateIds, RangeByNumberAndWithoutAName) {
  EXPECT_EQ(parse_subordinate_ids("1000:200000:10\n", "ann", 1000), (Maps{{1, 200000, 10}}));
  EXPECT_EQ(parse_subordinate_ids("1000:200000:10\n:5:5\n", "", 1000), (Maps{{1, 200000, 10}}));
}

TEST(SubordinateIds, SeveralRowsFollowEachOther) {
  EXPECT_EQ(parse_subordinate_ids("ann:100:10\nbob:1:1\nann:500:20", "ann", 1000),
            (Maps{{1, 100, 10}, {11, 500, 20}}));
}

TEST(SubordinateIds, CommentsAndMalformedRowsArePassedOver) {
  EXPECT_EQ(
      parse_subordinate_ids(
          "# ann:1:1\n\nann\nann:5\nann:x:1\nann:1:-1\nann:7:0\nanna:1:1\nann:1:1:1\nann:9:9\n", "ann", 1000),
      (Maps{{1, 9, 9}}));
}

TEST(SubordinateIds, NothingReachesTheInvalidId) {
  EXPECT_EQ(parse_subordinate_ids("ann:4294967290:100\nann:4294967295:1\n", "ann", 1000),
            (Maps{{1, 4294967290, 5}}));
}

TEST(IdMap, KernelTextIsRead) {
  const auto maps = parse_id_map("         0       2000          1\n         1     200000      65536\n");
  ASSERT_TRUE(maps);
  EXPECT_EQ(*maps, (Maps{{0, 2000, 1}, {1, 200000, 65536}}));
}

TEST(IdMap, OtherTextIsAnError) {
  EXPECT_FALSE(parse_id_map("0 0\n"));
  EXPECT_FALSE(parse_id_map("0 0 1 2\n"));
  EXPECT_FALSE(parse_id_map("0 x 1\n"));
  EXPECT_FALSE(parse_id_map("0 0 4294967296\n"));
}

}  // namespace
}  // namespace shale::runtime
