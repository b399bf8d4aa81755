// SPDX-License-Identifier: Apache-2.0
#include "registry/header_fields.h"

#include <gtest/gtest.h>

#include <random>

namespace shale::registry {
namespace {

TEST(Challenges, AreReadWithQuotesEscapesAndNeighbours) {
  const auto list = parse_challenges(
      R"(Negotiate, Bearer realm="https://a/t?x=1,2",service="s \"q\"", scope=x:y , Basic Realm = "z")");
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].scheme, "negotiate");
  EXPECT_EQ(list[1].parameters.at("realm"), "https://a/t?x=1,2");
  EXPECT_EQ(list[1].parameters.at("service"), "s \"q\"");
  EXPECT_EQ(list[1].parameters.at("scope"), "x:y");
  EXPECT_EQ(list.back().scheme, "basic");
}

TEST(Challenges, AreBounded) {
  std::string many;
  for (int i = 0; i < 100; ++i) many += "Basic realm=\"x\", ";
  EXPECT_EQ(parse_challenges(many).size(), 16U);
  EXPECT_TRUE(parse_challenges("").empty());
  EXPECT_TRUE(parse_challenges("\"\"").empty());
  EXPECT_TRUE(parse_challenges("Bearer realm=\"open").empty());
  EXPECT_TRUE(parse_challenges("Bearer realm=\"" + std::string(10 << 20, 'x') + "\"").empty());
  EXPECT_EQ(parse_challenges(R"(Bearer realm="1",realm="2")")[0].parameters.at("realm"), "1");
}

TEST(Challenges, AnyBytesComeToAnEnd) {
  std::mt19937 random(9);
  const std::string alphabet = "Ba=\",\\ \t:\x01";
  for (int i = 0; i < 50'000; ++i) {
    std::string text;
    for (std::size_t n = random() % 20; n > 0; --n) text += alphabet[random() % alphabet.size()];
    EXPECT_LE(parse_challenges(text).size(), 16U);
  }
}

TEST(ContentRange, IsExact) {
  const auto range = parse_content_range("bytes 5-9/10");
  ASSERT_TRUE(range.has_value());
  EXPECT_EQ(range->first, 5U);
  EXPECT_EQ(range->last, 9U);
  EXPECT_EQ(range->total, 10U);
  EXPECT_EQ(parse_content_range("bytes 0-0/*")->total, std::nullopt);
  for (const char* text :
       {"", "5-9/10", "bytes 9-5/10", "bytes 5-10/10", "bytes */10", "bytes -5/10", "bytes 5-/10",
        "bytes 5-9", "bytes 5-9/x", "bytes 99999999999999999999-9/10", "bytes=5-9/10"})
    EXPECT_FALSE(parse_content_range(text).has_value()) << text;
}

TEST(UploadRange, CountsBytes) {
  EXPECT_EQ(parse_upload_range("0-9", 10), 10U);
  EXPECT_EQ(parse_upload_range("bytes=0-9", 10), 10U);
  EXPECT_EQ(parse_upload_range("0-0", 0), 0U);
  EXPECT_EQ(parse_upload_range("0-0", 1), 1U);
  for (const char* text : {"", "9", "1-9", "0-", "0-18446744073709551615", "0-x"})
    EXPECT_EQ(parse_upload_range(text, 10), std::nullopt) << text;
}

TEST(HttpDate, HasThreeForms) {
  for (const char* text :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"})
    EXPECT_EQ(parse_http_date(text), 784111777) << text;
  for (const char* text : {"", "yesterday", "Sun, 06 Nov 1994 08:49:37 GMT x", "1994-11-06"})
    EXPECT_EQ(parse_http_date(text), std::nullopt) << text;
}

TEST(RetryAfter, IsSecondsOrADate) {
  using std::chrono::seconds;
  EXPECT_EQ(parse_retry_after("7", 0), seconds(7));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111770), seconds(7));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111999), seconds(0));
  EXPECT_GT(*parse_retry_after("99999999999999999999999", 0), seconds(1'000'000'000));
  for (const char* text : {"", "-1", "soon", "1.5"})
    EXPECT_EQ(parse_retry_after(text, 0), std::nullopt) << text;
}

}  // namespace
}  // namespace shale::registry
