// SPDX-License-Identifier: Apache-2.0
// The values of HTTP header fields that decide something: challenges, ranges, dates, waiting times.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shale::registry {

// One challenge of a WWW-Authenticate field.
struct Challenge {
  std::string scheme;                             // lower case: "bearer", "basic"
  std::map<std::string, std::string> parameters;  // names in lower case
};
// All challenges of one field value; what cannot be read ends the list. At most 16, of at most 64 KiB.
std::vector<Challenge> parse_challenges(std::string_view value);

// "bytes 5-9/10" or "bytes 5-9/*".
struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::optional<std::uint64_t> total;
};
std::optional<ContentRange> parse_content_range(std::string_view value);

// The Range of an upload's state, "0-9" or "bytes=0-9": how many bytes the server has (10). "0-0" of a
// session in which nothing was sent is 0 in some registries: `sent` tells how much could be there.
std::optional<std::uint64_t> parse_upload_range(std::string_view value, std::uint64_t sent);

// An HTTP date in the three forms of RFC 9110, as seconds since 1970.
std::optional<std::int64_t> parse_http_date(std::string_view value);

// Retry-After: seconds or a date; a date in the past is 0, an absurd number is the longest representable
// wait.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, std::int64_t now);

// Text from outside for a terminal: control characters become spaces, and it ends after `limit` bytes.
std::string printable(std::string_view text, std::size_t limit = 300);

}  // namespace shale::registry
