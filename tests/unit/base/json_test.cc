// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shale {
namespace {

using ::testing::HasSubstr;

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(Json, ReadsWhatItWrites) {
  const std::string text = R"({"z":1,"a":[true,null,"x"],"m":{"k":-5}})";
  const Result<Json> json = parse_json(text, "test");
  ASSERT_TRUE(json);
  EXPECT_EQ(dump_json(*json), text) << "keys keep their order";
}

TEST(Json, RefusesRepeatedKeys) {
  const Result<Json> json = parse_json(R"({"a":1,"b":{"c":1,"c":2}})", "the manifest");
  ASSERT_FALSE(json);
  EXPECT_EQ(json.error().kind(), ErrorKind::kCorrupt);
  EXPECT_EQ(json.error().message(), "the manifest has a repeated key");
  // The same name in different objects is no repetition.
  EXPECT_TRUE(parse_json(R"([{"a":1},{"a":2,"b":{"a":3}}])", "test"));
}

TEST(Json, RefusesDeepNesting) {
  EXPECT_TRUE(parse_json(nested(64), "test"));
  const Result<Json> deep = parse_json(nested(66), "test");
  ASSERT_FALSE(deep);
  EXPECT_THAT(deep.error().message(), HasSubstr("nested deeper than 64"));
  // Deep enough to overflow a stack if it were followed.
  EXPECT_FALSE(parse_json(nested(100'000), "test"));
}

TEST(Json, RefusesWhatIsNotOneWholeText) {
  for (const char* text :
       {"", "{", "{}x", "[1,]", "nul", "{'a':1}", "\"\xff\"", "01", "// c\n1", "\xef\xbb\xbf{}"}) {
    const Result<Json> json = parse_json(text, "the config of x");
    ASSERT_FALSE(json) << text;
    EXPECT_THAT(json.error().message(), HasSubstr("the config of x is not valid JSON"));
  }
}

TEST(Json, WritesInvalidUtf8AsReplacement) {
  EXPECT_EQ(dump_json(Json("a\xff")), "\"a\xef\xbf\xbd\"");
  EXPECT_THAT(dump_json_pretty(Json{{"k", "\xff"}}), HasSubstr("\xef\xbf\xbd"));
}

TEST(Json, MembersOfTheWrongTypeGiveTheFallback) {
  const Json json = {{"text", "x"}, {"number", 7}, {"real", 1.5}, {"flag", true}, {"nothing", nullptr}};
  EXPECT_EQ(json_string(json, "text"), "x");
  EXPECT_EQ(json_string(json, "number", "f"), "f");
  EXPECT_EQ(json_string(json, "missing", "f"), "f");
  EXPECT_EQ(json_int(json, "number"), 7);
  EXPECT_EQ(json_int(json, "real", 3), 3);
  EXPECT_EQ(json_int(json, "text", 3), 3);
  EXPECT_TRUE(json_bool(json, "flag"));
  EXPECT_TRUE(json_bool(json, "number", true));
  EXPECT_FALSE(json_bool(json, "missing"));
  EXPECT_EQ(json_string(json, "nothing", "f"), "f");
}

TEST(Json, OnlyObjectsHaveMembers) {
  EXPECT_EQ(json_member(Json::array({1}), "0"), nullptr);
  EXPECT_EQ(json_member(Json("text"), "x"), nullptr);
  EXPECT_EQ(json_string(Json(), "x", "f"), "f");
  const Json object = {{"x", nullptr}};
  ASSERT_NE(json_member(object, "x"), nullptr) << "null is a value";
  EXPECT_TRUE(json_member(object, "x")->is_null());
}

}  // namespace
}  // namespace shale
