// SPDX-License-Identifier: Apache-2.0
// GlobItem: one element of a path pattern. COPY's sources and .dockerignore's lines are made of the same ones
// but for "**".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace shale::dockerfile {

struct GlobItem {
  enum class Kind : std::uint8_t {
    kLiteral,
    kAny,          // '?'
    kStar,         // '*', any number of them
    kClass,        // [a-z], [^a-z]
    kDirectories,  // "**" followed by more: any number of whole path elements, each with its '/'
    kAnything,     // "**" at the end
  };
  struct Range {
    char32_t low = 0;
    char32_t high = 0;
  };
  Kind kind = Kind::kLiteral;
  char32_t rune = 0;  // kLiteral
  bool negated = false;
  std::vector<Range> ranges;
};

// Whether `rune` can be (a part of) what the item stands for.
bool takes(const GlobItem& item, char32_t rune);

// Go's filepath.Match knows no "**"; moby/patternmatcher does.
enum class DoubleStar : std::uint8_t { kIsOneStar, kCrossesDirectories };

// nullopt: a class that does not end or is empty, a '\' at the end, or, where "**" is known, a range that
// runs backwards.
std::optional<std::vector<GlobItem>> compile_glob(std::string_view pattern, DoubleStar double_star);

}  // namespace shale::dockerfile
