// SPDX-License-Identifier: Apache-2.0
#include "cli/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace shale::cli {

std::string format_size(std::uint64_t bytes) {
  constexpr std::array kUnits = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  // 999.5 would be shown as 1000.
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.3g}{}", value, kUnits[unit]);
}

std::string format_seconds(std::chrono::nanoseconds duration) {
  return fmt::format("{:.1f}s", std::chrono::duration<double>(duration).count());
}

std::string format_duration(std::chrono::nanoseconds duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  if (seconds < 99.95) return format_seconds(duration);
  const auto whole = static_cast<long>(std::lround(seconds));
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m", whole / 3600, whole % 3600 / 60);
}

std::string format_age(std::chrono::seconds age) {
  // The steps and words of docker's go-units.
  constexpr long kMinute = 60;
  constexpr long kHour = 60 * kMinute;
  constexpr long kDay = 24 * kHour;
  const long seconds = std::max<long>(0, age.count());
  const long hours = (seconds + kHour / 2) / kHour;
  if (seconds < 1) return "Less than a second ago";
  if (seconds == 1) return "1 second ago";
  if (seconds < kMinute) return fmt::format("{} seconds ago", seconds);
  if (seconds < 2 * kMinute) return "About a minute ago";
  if (seconds < kHour) return fmt::format("{} minutes ago", seconds / kMinute);
  if (hours == 1) return "About an hour ago";
  if (hours < 48) return fmt::format("{} hours ago", hours);
  const long days = seconds / kDay;
  if (days < 14) return fmt::format("{} days ago", days);
  if (days < 60) return fmt::format("{} weeks ago", days / 7);
  if (days < 2 * 365) return fmt::format("{} months ago", days / 30);
  return fmt::format("{} years ago", days / 365);
}

Result<std::uint64_t> parse_size(std::string_view text) {
  auto bad = [&] {
    return fail(Error(ErrorKind::kUsage, fmt::format("'{}' is not a size", text))
                    .hint("write a number of bytes, or a number with k, m or g: 64m"));
  };
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || number < 0 || !std::isfinite(number)) return bad();
  std::string unit(end, text.data() + text.size());
  if (unit.starts_with(' ')) unit.erase(0, 1);
  for (char& c : unit)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  double factor = 1;
  if (!unit.empty() && unit != "b") {
    constexpr std::string_view kLetters = "kmgtp";
    const std::size_t power = kLetters.find(unit[0]);
    const std::string rest = unit.substr(1);
    if (power == std::string_view::npos || (!rest.empty() && rest != "b" && rest != "ib")) return bad();
    factor = std::pow(1024.0, static_cast<double>(power + 1));
  }
  const double bytes = number * factor;
  if (bytes > 9.0e18) return bad();  // more than any file may have
  return static_cast<std::uint64_t>(bytes);
}

Result<std::chrono::seconds> parse_age(std::string_view text) {
  const auto bad = [&] {
    return fail(Error(ErrorKind::kUsage, fmt::format("'{}' is not a time", text))
                    .hint("write numbers with s, m, h or d: 90m, 24h, 7d"));
  };
  constexpr std::string_view kLetters = "smhd";
  constexpr std::array<std::int64_t, 4> kSeconds = {1, 60, 3600, 86'400};
  constexpr std::int64_t kLongest = std::int64_t{1000} * 365 * 86'400;
  std::int64_t total = 0;
  if (text.empty()) return bad();
  for (std::string_view rest = text; !rest.empty();) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    const std::size_t unit = rest.empty() ? std::string_view::npos : kLetters.find(rest.front());
    if (error != std::errc() || number < 0 || number > kLongest || unit == std::string_view::npos)
      return bad();
    total += number * kSeconds[unit];
    if (total > kLongest) return bad();
    rest.remove_prefix(1);
  }
  return std::chrono::seconds(total);
}

}  // namespace shale::cli
