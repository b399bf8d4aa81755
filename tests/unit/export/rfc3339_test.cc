// SPDX-License-Identifier: Apache-2.0
#include "export/rfc3339.h"

#include <gtest/gtest.h>

namespace shale::exporter {
namespace {

using namespace std::chrono;

TEST(Rfc3339, ReadsTheFormsOfImageConfigs) {
  const auto day = sys_days(2024y / January / 31);
  EXPECT_EQ(parse_rfc3339("2024-01-31T12:34:56Z"), day + 12h + 34min + 56s);
  EXPECT_EQ(parse_rfc3339("2024-01-31T12:34:56.5Z"), day + 12h + 34min + 56s + 500ms);
  EXPECT_EQ(parse_rfc3339("2024-01-31T12:34:56.123456789+02:00"), day + 10h + 34min + 56s + 123456789ns);
  EXPECT_EQ(parse_rfc3339("2024-01-31T00:30:00-01:00"), day + 1h + 30min);
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00Z"), system_clock::time_point{});
}

TEST(Rfc3339, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "2024", "2024-02-30T00:00:00Z", "2024-01-31T24:00:00Z", "2024-01-31T12:34:56",
        "2024-01-31T12:34:56Zx", "0001-01-01T00:00:00Z", "2024-01-31T12:34:56+02", "-024-01-31T12:34:56Z"})
    EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(Rfc3339, WritesWhatItReads) {
  for (const char* text :
       {"2024-01-31T12:34:56Z", "2024-01-31T12:34:56.5Z", "1999-12-31T23:59:59.123456789Z"})
    EXPECT_EQ(format_rfc3339(parse_rfc3339(text).value()), text);
}

}  // namespace
}  // namespace shale::exporter
