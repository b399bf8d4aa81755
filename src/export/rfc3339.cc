// SPDX-License-Identifier: Apache-2.0
#include "export/rfc3339.h"

#include <fmt/format.h>

#include <charconv>

namespace shale::exporter {

namespace {

// Takes `digits` decimal digits from the front of `text`.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  int value = 0;
  if (text.size() < digits) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, value);
  if (error != std::errc() || end != text.data() + digits || value < 0) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// ".123" as nanoseconds; more than nine decimals are cut.
std::chrono::nanoseconds take_fraction(std::string_view& text) {
  std::int64_t value = 0;
  std::int64_t unit = 1'000'000'000;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (unit > 1) {
      unit /= 10;
      value += (text.front() - '0') * unit;
    }
    text.remove_prefix(1);
  }
  return std::chrono::nanoseconds(value);
}

}  // namespace

std::optional<std::chrono::system_clock::time_point> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  const auto year_number = take_number(text, 4);
  if (!year_number || !take(text, "-")) return std::nullopt;
  const auto month_number = take_number(text, 2);
  if (!month_number || !take(text, "-")) return std::nullopt;
  const auto day_number = take_number(text, 2);
  const year_month_day date{year(*year_number), month(static_cast<unsigned>(*month_number)),
                            day(static_cast<unsigned>(day_number.value_or(0)))};
  if (!date.ok() || !take(text, "Tt ")) return std::nullopt;
  const auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take(text, ":")) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59 || !take(text, ":")) return std::nullopt;
  const auto second = take_number(text, 2);
  if (!second || *second > 60) return std::nullopt;
  nanoseconds fraction{0};
  if (take(text, ".")) fraction = take_fraction(text);
  minutes offset{0};
  if (!take(text, "Zz")) {
    const bool west = text.starts_with('-');
    if (!take(text, "+-")) return std::nullopt;
    const auto offset_hours = take_number(text, 2);
    if (!offset_hours || !take(text, ":")) return std::nullopt;
    const auto offset_minutes = take_number(text, 2);
    if (!offset_minutes) return std::nullopt;
    offset = (hours(*offset_hours) + minutes(*offset_minutes)) * (west ? -1 : 1);
  }
  if (!text.empty()) return std::nullopt;
  // Beyond the years that nanoseconds since 1970 can count, a time is of no use to anybody.
  if (*year_number < 1678 || *year_number > 2261) return std::nullopt;
  return sys_days(date) + hours(*hour) + minutes(*minute) + seconds(*second) + fraction - offset;
}

std::string format_rfc3339(std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  const auto day_start = floor<days>(time);
  const year_month_day date(day_start);
  const hh_mm_ss clock(duration_cast<nanoseconds>(time - day_start));
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                 clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (clock.subseconds().count() != 0) {
    text += fmt::format(".{:09}", clock.subseconds().count());
    while (text.ends_with('0')) text.pop_back();
  }
  return text + "Z";
}

}  // namespace shale::exporter
