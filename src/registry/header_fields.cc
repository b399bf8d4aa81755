// SPDX-License-Identifier: Apache-2.0
#include "registry/header_fields.h"

#include <time.h>

#include <algorithm>
#include <charconv>

namespace shale::registry {

namespace {

constexpr std::size_t kMaxFieldBytes = 64 * 1024;
constexpr std::size_t kMaxChallenges = 16;

bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Reads along one field value.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}
  bool done() const { return rest_.empty(); }
  bool skip(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip_blanks() {
    while (skip(' ') || skip('\t')) continue;
  }
  std::string_view token() {
    std::size_t n = 0;
    while (n < rest_.size() && is_token_char(rest_[n])) ++n;
    const std::string_view out = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return out;
  }
  // An unquoted value. Some servers leave the quotes out around a realm, so more than a token's characters is
  // taken.
  std::string_view bare() {
    const std::string_view out = rest_.substr(0, rest_.find_first_of(", \t\""));
    rest_.remove_prefix(out.size());
    return out;
  }
  // A quoted string after its opening quote; nullopt without closing quote.
  std::optional<std::string> quoted() {
    std::string out;
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return out;
      if (c == '\\' && !rest_.empty()) {
        c = rest_.front();
        rest_.remove_prefix(1);
      }
      out += c;
    }
    return std::nullopt;
  }
  std::string_view rest() const { return rest_; }
  void back_to(std::string_view rest) { rest_ = rest; }

 private:
  std::string_view rest_;
};

}  // namespace

std::vector<Challenge> parse_challenges(std::string_view value) {
  std::vector<Challenge> out;
  Cursor in(value.substr(0, kMaxFieldBytes));
  while (out.size() < kMaxChallenges) {
    in.skip_blanks();
    while (in.skip(',')) in.skip_blanks();
    Challenge challenge{.scheme = lower(in.token()), .parameters = {}};
    if (challenge.scheme.empty()) return out;
    // Parameters, divided by commas, until a name that is not followed by "=": the next challenge.
    while (true) {
      in.skip_blanks();
      while (in.skip(',')) in.skip_blanks();
      const std::string_view before = in.rest();
      const std::string name = lower(in.token());
      in.skip_blanks();
      if (name.empty() || !in.skip('=')) {
        in.back_to(before);
        break;
      }
      in.skip_blanks();
      std::optional<std::string> text;
      if (in.skip('"'))
        text = in.quoted();
      else
        text = std::string(in.bare());
      if (!text) return out;
      // The first of two equal names counts, for every reader.
      challenge.parameters.emplace(name, std::move(*text));
    }
    out.push_back(std::move(challenge));
    if (in.done()) break;
  }
  return out;
}

std::optional<ContentRange> parse_content_range(std::string_view value) {
  value = trimmed(value);
  if (!lower(value.substr(0, 6)).starts_with("bytes ")) return std::nullopt;
  value = trimmed(value.substr(6));
  const std::size_t dash = value.find('-');
  const std::size_t slash = value.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash) return std::nullopt;
  const auto first = number(value.substr(0, dash));
  const auto last = number(value.substr(dash + 1, slash - dash - 1));
  if (!first || !last || *last < *first) return std::nullopt;
  ContentRange range{.first = *first, .last = *last, .total = std::nullopt};
  if (value.substr(slash + 1) == "*") return range;
  range.total = number(value.substr(slash + 1));
  if (!range.total || *range.total <= *last) return std::nullopt;
  return range;
}

std::optional<std::uint64_t> parse_upload_range(std::string_view value, std::uint64_t sent) {
  value = trimmed(value);
  if (value.starts_with("bytes=")) value.remove_prefix(6);
  const std::size_t dash = value.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = number(value.substr(0, dash));
  const auto last = number(value.substr(dash + 1));
  if (!first || *first != 0 || !last || *last == UINT64_MAX) return std::nullopt;
  if (*last == 0 && sent != 1) return 0;
  return *last + 1;
}

std::optional<std::int64_t> parse_http_date(std::string_view value) {
  const std::string text(trimmed(value.substr(0, 100)));
  for (const char* form :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    struct tm parts{};
    const char* end = ::strptime(text.c_str(), form, &parts);  // the C locale: the helper never sets another
    if (end != nullptr && *end == '\0') return ::timegm(&parts);
  }
  return std::nullopt;
}

std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, std::int64_t now) {
  constexpr std::int64_t kLongest = std::int64_t{100} * 365 * 86'400;
  value = trimmed(value);
  if (!value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; })) {
    const auto seconds = number(value);
    if (!seconds || *seconds > static_cast<std::uint64_t>(kLongest)) return std::chrono::seconds(kLongest);
    return std::chrono::seconds(*seconds);
  }
  const auto date = parse_http_date(value);
  if (!date) return std::nullopt;
  return std::chrono::seconds(std::clamp<std::int64_t>(*date - now, 0, kLongest));
}

std::string printable(std::string_view text, std::size_t limit) {
  std::string out(text.substr(0, limit));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  if (text.size() > limit) out += "…";
  return out;
}

}  // namespace shale::registry
