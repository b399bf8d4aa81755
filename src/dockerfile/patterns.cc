// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/patterns.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "dockerfile/runes.h"

namespace shale::dockerfile {

namespace {

constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

struct RuneText {
  std::vector<char32_t> runes;
  std::vector<std::size_t> offsets;  // byte offset of each rune, and of the end
};

RuneText split_runes(std::string_view text) {
  RuneText result;
  result.runes.reserve(text.size());
  result.offsets.reserve(text.size() + 1);
  for (std::size_t i = 0; i < text.size();) {
    const Rune rune = rune_at(text, i);
    result.runes.push_back(rune.value);
    result.offsets.push_back(i);
    i += static_cast<std::size_t>(rune.width);
  }
  result.offsets.push_back(text.size());
  return result;
}

}  // namespace

Result<SubstitutionPattern> SubstitutionPattern::parse(std::string_view text) {
  if (text.size() > kMaxSubstitutionPattern) {
    return fail(ErrorKind::kDockerfile,
                fmt::format("a pattern in a substitution is longer than {} bytes", kMaxSubstitutionPattern));
  }
  SubstitutionPattern result;
  for (std::size_t i = 0; i < text.size();) {
    Rune rune = rune_at(text, i);
    i += static_cast<std::size_t>(rune.width);
    if (rune.value == '*') {
      // Two stars in a row match what one does.
      if (result.items_.empty() || result.items_.back().kind != Kind::kStar)
        result.items_.push_back({Kind::kStar});
      continue;
    }
    if (rune.value == '?') {
      result.items_.push_back({Kind::kAny});
      continue;
    }
    if (rune.value == '\\') {
      rune = rune_at(text, i);
      // '}' and '/' end a part of ${…} and must be escaped there; '*', '?' and '\' are the pattern's own.
      constexpr std::u32string_view kEscapable = U"}/*?\\";
      if (rune.width == 0 || kEscapable.find(rune.value) == std::u32string_view::npos) {
        return fail(ErrorKind::kDockerfile,
                    fmt::format("invalid pattern ({}) in substitution: invalid escape '\\{}'", text,
                                text.substr(i, static_cast<std::size_t>(rune.width))));
      }
      i += static_cast<std::size_t>(rune.width);
    }
    result.items_.push_back({Kind::kLiteral, rune.value});
  }
  return result;
}

// A simulation of all ways to match at once: start[k] is the smallest start of a match in progress that has
// used the first k items. Costs one pass over the text whatever the pattern is.
SubstitutionPattern::Match SubstitutionPattern::find(const std::vector<Item>& items,
                                                     const std::vector<char32_t>& runes, std::size_t from,
                                                     bool anchored, bool longest) {
  const std::size_t count = items.size();
  std::vector<std::size_t> start(count + 1, kNone);
  std::vector<std::size_t> next(count + 1, kNone);
  Match best;
  for (std::size_t at = from;; ++at) {
    if (!best.found && (at == from || !anchored)) start[0] = std::min(start[0], at);
    for (std::size_t k = 0; k < count; ++k) {  // a star may match nothing
      if (items[k].kind == Kind::kStar) start[k + 1] = std::min(start[k + 1], start[k]);
    }
    if (start[count] != kNone && (!best.found || start[count] <= best.start)) {
      best = {start[count], at, true};
      if (!longest) return best;
    }
    if (at == runes.size()) return best;
    std::ranges::fill(next, kNone);
    bool alive = !anchored && !best.found;
    for (std::size_t k = 0; k < count; ++k) {
      if (start[k] == kNone || (best.found && start[k] > best.start)) continue;
      const Item& item = items[k];
      const bool newline = runes[at] == '\n';  // wildcards do not match it
      if (item.kind == Kind::kStar && !newline) {
        next[k] = std::min(next[k], start[k]);
        alive = true;
      } else if ((item.kind == Kind::kAny && !newline) ||
                 (item.kind == Kind::kLiteral && item.rune == runes[at])) {
        next[k + 1] = std::min(next[k + 1], start[k]);
        alive = true;
      }
    }
    if (!alive) return best;
    start.swap(next);
  }
}

std::string SubstitutionPattern::trim_prefix(std::string_view value, bool longest) const {
  const RuneText text = split_runes(value);
  const Match match = find(items_, text.runes, 0, true, longest);
  return std::string(match.found ? value.substr(text.offsets[match.end]) : value);
}

std::string SubstitutionPattern::trim_suffix(std::string_view value, bool longest) const {
  RuneText text = split_runes(value);
  std::ranges::reverse(text.runes);
  const std::vector<Item> reversed(items_.rbegin(), items_.rend());
  const Match match = find(reversed, text.runes, 0, true, longest);
  return std::string(match.found ? value.substr(0, text.offsets[text.runes.size() - match.end]) : value);
}

std::string SubstitutionPattern::replace(std::string_view value, std::string_view replacement, bool all,
                                         std::size_t max_bytes) const {
  const RuneText text = split_runes(value);
  std::string result;
  std::size_t copied = 0;  // up to this rune the value is in the result
  std::size_t previous_end = kNone;
  for (std::size_t at = 0; at <= text.runes.size() && result.size() <= max_bytes;) {
    const Match match = find(items_, text.runes, at, false, true);
    if (!match.found) break;
    const bool empty = match.start == match.end;
    if (!(empty && match.start == previous_end)) {  // an empty match right behind another is none
      result += value.substr(text.offsets[copied], text.offsets[match.start] - text.offsets[copied]);
      result += replacement;
      copied = match.end;
      previous_end = match.end;
      if (!all) break;
    }
    at = empty ? match.end + 1 : match.end;
  }
  result += value.substr(text.offsets[copied]);
  return result;
}

}  // namespace shale::dockerfile
