// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace shale::dockerfile {
namespace {

using testing::ElementsAre;

TEST(Duration, FollowsGo) {
  EXPECT_EQ(parse_duration("0").value(), 0);
  EXPECT_EQ(parse_duration("5s").value(), 5'000'000'000);
  EXPECT_EQ(parse_duration("1h30m").value(), 5'400'000'000'000);
  EXPECT_EQ(parse_duration("1.5s").value(), 1'500'000'000);
  EXPECT_EQ(parse_duration("100ms").value(), 100'000'000);
  EXPECT_EQ(parse_duration(".5s").value(), 500'000'000);
  EXPECT_EQ(parse_duration("0.1s").value(), 100'000'000);
  EXPECT_EQ(parse_duration("2us3ns").value(), 2003);
  EXPECT_EQ(parse_duration("-1s").value(), -1'000'000'000);
  for (const std::string_view text : {"", "5", "s", "1x", "1s2", ".s", "+", "99999999999h", "1 s"}) {
    EXPECT_FALSE(parse_duration(text).has_value()) << text;
  }
}

TEST(Ports, AreSortedLowerCasedAndWrittenOut) {
  EXPECT_THAT(parse_ports({"8080/TCP", "53/udp", "80", "80/tcp"}).value(),
              ElementsAre("53/udp", "80/tcp", "8080/tcp"));
  EXPECT_THAT(parse_ports({"3000-3002/sctp"}).value(), ElementsAre("3000/sctp", "3001/sctp", "3002/sctp"));
  EXPECT_THAT(parse_ports({"127.0.0.1:8000:80"}).value(), ElementsAre("80/tcp"));
  for (const char* word : {"x", "70000", "80-70", "80/icmp", "/tcp", "a:80"}) {
    EXPECT_FALSE(parse_ports({word}).has_value()) << word;
  }
  EXPECT_EQ(parse_ports({"x"}).error().message(), "invalid containerPort: x");
  EXPECT_EQ(parse_ports({"80/icmp"}).error().message(), "invalid proto: icmp");
}

TEST(Signal, KnowsNamesAndNumbers) {
  EXPECT_EQ(parse_signal("SIGTERM").value(), SIGTERM);
  EXPECT_EQ(parse_signal("term").value(), SIGTERM);
  EXPECT_EQ(parse_signal("9").value(), 9);
  EXPECT_EQ(parse_signal("SIGRTMIN+3").value(), 37);
  EXPECT_EQ(parse_signal("RTMAX").value(), 64);
  EXPECT_EQ(parse_signal("SIGXCPU").value(), SIGXCPU);
  // Numbers beyond this kernel's are for the container's to judge.
  for (const auto& [text, number] : {std::pair("65", 65), std::pair("+9", 9), std::pair("-1", -1)})
    EXPECT_EQ(parse_signal(text).value(), number) << text;
  for (const std::string_view text : {"", "0", "+0", "+-1", "+", "SIGFOO", "SIG", "SIGRTMIN+99", "RTMINx"}) {
    EXPECT_FALSE(parse_signal(text).has_value()) << text;
  }
}

TEST(Size, TakesBinaryUnits) {
  EXPECT_EQ(parse_size("512").value(), 512U);
  EXPECT_EQ(parse_size("64m").value(), 64U << 20U);
  EXPECT_EQ(parse_size("1GiB").value(), 1U << 30U);
  EXPECT_EQ(parse_size("1.5k").value(), 1536U);
  for (const std::string_view text : {"", "m", "1x", "-1", "99999999999p"})
    EXPECT_FALSE(parse_size(text)) << text;
}

TEST(Csv, QuotesKeepCommas) {
  EXPECT_THAT(parse_csv("a=1,\"b=2,3\",\"c=\"\"x\"\"\"").value(), ElementsAre("a=1", "b=2,3", "c=\"x\""));
  EXPECT_FALSE(parse_csv("a=\"1\"").has_value());
  EXPECT_FALSE(parse_csv("\"a").has_value());
}

TEST(Bool, IsGos) {
  EXPECT_TRUE(parse_bool("T").value());
  EXPECT_FALSE(parse_bool("0").value());
  EXPECT_FALSE(parse_bool("yes").has_value());
}

}  // namespace
}  // namespace shale::dockerfile
