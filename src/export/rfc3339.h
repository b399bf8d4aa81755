// SPDX-License-Identifier: Apache-2.0
// Times of image configs: RFC 3339 texts.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace shale::exporter {

// "2024-01-31T12:00:00.123456789Z", "…+02:00"; none if it is something else.
std::optional<std::chrono::system_clock::time_point> parse_rfc3339(std::string_view text);
// In UTC with nine decimals, as Go writes it (trailing zeros left out).
std::string format_rfc3339(std::chrono::system_clock::time_point time);

}  // namespace shale::exporter
