// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/glob_items.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "dockerfile/runes.h"

namespace shale::dockerfile {

namespace {

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

// The class whose '[' stands just before `at`. A range that runs backwards matches nothing in one dialect and
// is a mistake in the other, which makes regular expressions of patterns.
std::optional<GlobItem> parse_class(std::string_view pattern, std::size_t& at, bool backwards) {
  GlobItem item{.kind = GlobItem::Kind::kClass};
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
    GlobItem::Range range{*low, *low};
    if (pattern[at] == '-') {
      const auto high = class_rune(pattern, ++at);
      if (!high) return std::nullopt;
      range.high = *high;
      if (range.high < range.low && !backwards) return std::nullopt;
    }
    item.ranges.push_back(range);
  }
}

}  // namespace

bool takes(const GlobItem& item, char32_t rune) {
  switch (item.kind) {
    case GlobItem::Kind::kLiteral:
      return item.rune == rune;
    case GlobItem::Kind::kAny:
    case GlobItem::Kind::kStar:
      return rune != '/';
    case GlobItem::Kind::kClass:
      return std::ranges::any_of(item.ranges, [&](const GlobItem::Range& range) {
               return rune >= range.low && rune <= range.high;
             }) != item.negated;
    case GlobItem::Kind::kDirectories:
    case GlobItem::Kind::kAnything:
      return true;
  }
  return false;
}

std::optional<std::vector<GlobItem>> compile_glob(std::string_view pattern, DoubleStar double_star) {
  std::vector<GlobItem> items;
  // Two of the same in a row say no more than one.
  const auto add_run = [&](GlobItem::Kind kind) {
    if (items.empty() || items.back().kind != kind) items.push_back({.kind = kind});
  };
  for (std::size_t at = 0; at < pattern.size();) {
    const Rune rune = rune_at(pattern, at);
    at += static_cast<std::size_t>(rune.width);
    if (rune.value == '*' && double_star == DoubleStar::kCrossesDirectories &&
        pattern.substr(at).starts_with('*')) {
      ++at;
      if (pattern.substr(at).starts_with('/')) ++at;
      add_run(at == pattern.size() ? GlobItem::Kind::kAnything : GlobItem::Kind::kDirectories);
    } else if (rune.value == '*') {
      add_run(GlobItem::Kind::kStar);
    } else if (rune.value == '?') {
      items.push_back({.kind = GlobItem::Kind::kAny});
    } else if (rune.value == '[') {
      auto item = parse_class(pattern, at, double_star == DoubleStar::kIsOneStar);
      if (!item) return std::nullopt;
      items.push_back(std::move(*item));
    } else if (rune.value == '\\') {
      const Rune escaped = rune_at(pattern, at);
      if (escaped.width == 0) return std::nullopt;
      at += static_cast<std::size_t>(escaped.width);
      items.push_back({.rune = escaped.value});
    } else {
      items.push_back({.rune = rune.value});
    }
  }
  return items;
}

}  // namespace shale::dockerfile
