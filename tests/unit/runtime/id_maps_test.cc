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
  EXPECT_EQ(free_subordinate_ids(""), 100000U);
  EXPECT_EQ(free_subordinate_ids("root:1:2\n#x:900000:9\nann:100000:65536\nbob:165536:65536\nbad:x:y\n"),
            231072U);
  EXPECT_EQ(free_subordinate_ids("ann:4294967000:200\n"), 100000U);
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
