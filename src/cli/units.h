// SPDX-License-Identifier: Apache-2.0
// Sizes, durations and ages as docker writes them, and sizes as its users write them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "shale/error.h"

namespace shale::cli {

// Three significant digits, powers of 1000: "0B", "74.8MB", "1.86GB".
std::string format_size(std::uint64_t bytes);

// "0.4s", "99.9s", then "2m05s", "1h02m".
std::string format_duration(std::chrono::nanoseconds duration);
// Always in seconds: "0.4s", "125.3s".
std::string format_seconds(std::chrono::nanoseconds duration);

// "2 hours ago", "About a minute ago".
std::string format_age(std::chrono::seconds age);

// "64m", "1.5g", "1024", "64MiB": powers of 1024, as docker's --shm-size.
Result<std::uint64_t> parse_size(std::string_view text);

// "24h", "1h30m", "90s", "7d": numbers with s, m, h or d.
Result<std::chrono::seconds> parse_age(std::string_view text);

}  // namespace shale::cli
