// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/glob.h"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "dockerfile/runes.h"

namespace shale::dockerfile {

namespace {

struct Range {
  char32_t low = 0;
  char32_t high = 0;
};

struct Item {
  enum class Kind { kLiteral, kAny, kStar, kClass } kind = Kind::kLiteral;
  char32_t rune = 0;
  bool negated = false;
  std::vector<Range> ranges;
};

bool item_matches(const Item& item, char32_t rune) {
  switch (item.kind) {
    case Item::Kind::kLiteral:
      return item.rune == rune;
    case Item::Kind::kAny:
      return rune != '/';
    case Item::Kind::kClass: {
      bool inside = false;
      for (const Range& range : item.ranges) inside = inside || (rune >= range.low && rune <= range.high);
      return inside != item.negated;
    }
    case Item::Kind::kStar:
      return false;
  }
  return false;
}

// One character of a class, with its escape. nullopt: the class ends too early or holds a bare '-' or ']'.
std::optional<char32_t> class_rune(std::string_view pattern, std::size_t& at) {
  Rune rune = rune_at(pattern, at);
  if (rune.width == 0 || rune.value == '-' || rune.value == ']') return std::nullopt;
  if (rune.value == '\\') rune = rune_at(pattern, ++at);
  if (rune.width == 0) return std::nullopt;
  at += static_cast<std::size_t>(rune.width);
  if (at >= pattern.size()) return std::nullopt;
  return rune.value;
}

// The class whose '[' stands just before `at`.
std::optional<Item> parse_class(std::string_view pattern, std::size_t& at) {
  Item item{.kind = Item::Kind::kClass};
  if (at < pattern.size() && pattern[at] == '^') {
    item.negated = true;
    ++at;
  }
  for (;;) {
    if (at < pattern.size() && pattern[at] == ']' && !item.ranges.empty()) {
      ++at;
      return item;
    }
    const auto low = class_rune(pattern, at);
    if (!low) return std::nullopt;
    Range range{*low, *low};
    if (pattern[at] == '-') {
      const auto high = class_rune(pattern, ++at);
      if (!high) return std::nullopt;
      range.high = *high;
    }
    item.ranges.push_back(range);
  }
}

Result<std::vector<Item>> compile(std::string_view pattern) {
  const auto malformed = [&] {
    return fail(ErrorKind::kDockerfile, fmt::format("syntax error in pattern {}", quote(pattern)));
  };
  std::vector<Item> items;
  for (std::size_t at = 0; at < pattern.size();) {
    const Rune rune = rune_at(pattern, at);
    at += static_cast<std::size_t>(rune.width);
    if (rune.value == '*') {
      if (items.empty() || items.back().kind != Item::Kind::kStar)
        items.push_back({.kind = Item::Kind::kStar});
    } else if (rune.value == '?') {
      items.push_back({.kind = Item::Kind::kAny});
    } else if (rune.value == '[') {
      auto item = parse_class(pattern, at);
      if (!item) return malformed();
      items.push_back(std::move(*item));
    } else if (rune.value == '\\') {
      const Rune escaped = rune_at(pattern, at);
      if (escaped.width == 0) return malformed();
      at += static_cast<std::size_t>(escaped.width);
      items.push_back({.rune = escaped.value});
    } else {
      items.push_back({.rune = rune.value});
    }
  }
  return items;
}

}  // namespace

Result<bool> glob_match(std::string_view pattern, std::string_view name) {
  ASSIGN_OR_RETURN(const auto items, compile(pattern));
  // After a failure it is enough to let the last star take one character more: whatever an earlier star could
  // take instead, the last one can take as well (unless a '/' stands between, which no star crosses).
  std::size_t item = 0;
  std::size_t at = 0;
  std::size_t star = items.size();
  std::size_t star_at = 0;
  for (;;) {
    const Rune rune = rune_at(name, at);
    if (item < items.size() && items[item].kind == Item::Kind::kStar) {
      star = item++;
      star_at = at;
      continue;
    }
    if (rune.width == 0 && item == items.size()) return true;
    if (rune.width != 0 && item < items.size() && item_matches(items[item], rune.value)) {
      ++item;
      at += static_cast<std::size_t>(rune.width);
      continue;
    }
    const Rune taken = rune_at(name, star_at);
    if (star == items.size() || taken.width == 0 || taken.value == '/') return false;
    star_at += static_cast<std::size_t>(taken.width);
    at = star_at;
    item = star + 1;
  }
}

bool has_wildcards(std::string_view pattern) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      ++i;
    } else if (pattern[i] == '*' || pattern[i] == '?' || pattern[i] == '[') {
      return true;
    }
  }
  return false;
}

std::string remove_escapes(std::string_view pattern) {
  std::string result;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
    result += pattern[i];
  }
  return result;
}

}  // namespace shale::dockerfile
