// SPDX-License-Identifier: Apache-2.0
// Substitution patterns: the wildcards of ${v#p}, ${v%p} and ${v/p/r}: '*', '?' and '\' escapes, no classes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shale/error.h"

namespace shale::dockerfile {

// Longer patterns are refused: matching costs pattern × value, and no real pattern comes near.
inline constexpr std::size_t kMaxSubstitutionPattern = 1024;

class SubstitutionPattern {
 public:
  static Result<SubstitutionPattern> parse(std::string_view text);

  // `value` without the shortest or longest prefix or suffix that matches; all of it when none does.
  [[nodiscard]] std::string trim_prefix(std::string_view value, bool longest) const;
  [[nodiscard]] std::string trim_suffix(std::string_view value, bool longest) const;
  // `value` with the first or every match replaced; matches are leftmost and as long as possible.
  [[nodiscard]] std::string replace(std::string_view value, std::string_view replacement, bool all,
                                    std::size_t max_bytes) const;

 private:
  enum class Kind : std::uint8_t { kLiteral, kAny, kStar };
  struct Item {
    Kind kind = Kind::kLiteral;
    char32_t rune = 0;
  };
  struct Match {
    std::size_t start = 0;
    std::size_t end = 0;
    bool found = false;
  };
  // The leftmost longest match in runes[from, …), or the shortest or longest one at `from` when `anchored`.
  [[nodiscard]] static Match find(const std::vector<Item>& items, const std::vector<char32_t>& runes,
                                  std::size_t from, bool anchored, bool longest);

  std::vector<Item> items_;
};

}  // namespace shale::dockerfile
