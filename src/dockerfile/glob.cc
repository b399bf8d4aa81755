// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/glob.h"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "dockerfile/glob_items.h"
#include "dockerfile/runes.h"

namespace shale::dockerfile {

Result<bool> glob_match(std::string_view pattern, std::string_view name) {
  const std::optional<std::vector<GlobItem>> compiled = compile_glob(pattern, DoubleStar::kIsOneStar);
  if (!compiled)
    return fail(ErrorKind::kDockerfile, fmt::format("syntax error in pattern {}", quote(pattern)));
  const std::vector<GlobItem>& items = *compiled;
  // After a failure it is enough to let the last star take one character more: whatever an earlier star could
  // take instead, the last one can take as well (unless a '/' stands between, which no star crosses).
  std::size_t item = 0;
  std::size_t at = 0;
  std::size_t star = items.size();
  std::size_t star_at = 0;
  for (;;) {
    const Rune rune = rune_at(name, at);
    if (item < items.size() && items[item].kind == GlobItem::Kind::kStar) {
      star = item++;
      star_at = at;
      continue;
    }
    if (rune.width == 0 && item == items.size()) return true;
    if (rune.width != 0 && item < items.size() && takes(items[item], rune.value)) {
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

std::string escaped(std::string_view path) {
  std::string result;
  for (const char c : path) {
    if (std::string_view("*?[\\").contains(c)) result += '\\';
    result += c;
  }
  return result;
}

}  // namespace shale::dockerfile
