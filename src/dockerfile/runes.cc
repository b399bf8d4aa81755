// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/runes.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace shale::dockerfile {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool is_continuation(unsigned char byte) { return (byte & 0xC0U) == 0x80U; }

}  // namespace

Rune rune_at(std::string_view text, std::size_t position) {
  if (position >= text.size()) return {};
  const auto byte = [&](std::size_t offset) { return static_cast<unsigned char>(text[position + offset]); };
  const unsigned char first = byte(0);
  const Rune single{first, 1};
  if (first < 0x80) return single;
  const int width = first >= 0xF0 && first < 0xF8 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 1;
  // A stray byte is no character: it gets a value outside of Unicode's that keeps it apart from é and the
  // like.
  const Rune stray{0x110000U + first, 1};
  if (width == 1 || first >= 0xF8 || text.size() - position < static_cast<std::size_t>(width)) return stray;
  char32_t value = first & (0xFFU >> (width + 1));
  for (int i = 1; i < width; ++i) {
    if (!is_continuation(byte(static_cast<std::size_t>(i)))) return stray;
    value = (value << 6) | (byte(static_cast<std::size_t>(i)) & 0x3FU);
  }
  return {value, width};
}

bool is_space(char32_t rune) {
  switch (rune) {
    case '\t':
    case '\n':
    case '\v':
    case '\f':
    case '\r':
    case ' ':
    case 0x85:
    case 0xA0:
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x202F:
    case 0x205F:
    case 0x3000:
      return true;
    default:
      return rune >= 0x2000 && rune <= 0x200A;
  }
}

bool is_name_rune(char32_t rune) {
  if (rune < 0x80) {
    return (rune >= 'a' && rune <= 'z') || (rune >= 'A' && rune <= 'Z') || (rune >= '0' && rune <= '9') ||
           rune == '_';
  }
  if (rune < 0xC0) return rune == 0xAA || rune == 0xB5 || rune == 0xBA;
  if (rune == 0xD7 || rune == 0xF7) return false;
  static constexpr std::pair<char32_t, char32_t> kNotLetters[] = {
      {0x02C2, 0x036F}, {0x2000, 0x2BFF}, {0x2E00, 0x2E7F}, {0x3000, 0x3004},   {0x3007, 0x3030},
      {0xD800, 0xF8FF}, {0xFE00, 0xFE6F}, {0xFF00, 0xFF20}, {0x1F000, 0x1FAFF}, {0xE0000, 0x7FFFFFFF},
  };
  return std::ranges::none_of(kNotLetters,
                              [&](const auto& r) { return rune >= r.first && rune <= r.second; });
}

std::string_view trim_left(std::string_view text) {
  for (;;) {
    const Rune rune = rune_at(text, 0);
    if (rune.width == 0 || !is_space(rune.value)) return text;
    text.remove_prefix(static_cast<std::size_t>(rune.width));
  }
}

std::string_view trim(std::string_view text) {
  text = trim_left(text);
  while (!text.empty()) {
    std::size_t start = text.size() - 1;
    while (start > 0 && text.size() - start < 4 && is_continuation(static_cast<unsigned char>(text[start])))
      --start;
    const Rune rune = rune_at(text, start);
    if (start + static_cast<std::size_t>(rune.width) != text.size() || !is_space(rune.value)) break;
    text = text.substr(0, start);
  }
  return text;
}

std::string to_lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), lower);
  return result;
}

std::string to_upper(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), upper);
  return result;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string quote(std::string_view text) {
  std::string result = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const Rune rune = rune_at(text, i);
    const std::string_view bytes = text.substr(i, static_cast<std::size_t>(rune.width));
    i += bytes.size();
    switch (rune.value) {
      case '"':
        result += "\\\"";
        break;
      case '\\':
        result += "\\\\";
        break;
      case '\a':
        result += "\\a";
        break;
      case '\b':
        result += "\\b";
        break;
      case '\f':
        result += "\\f";
        break;
      case '\v':
        result += "\\v";
        break;
      case '\n':
        result += "\\n";
        break;
      case '\t':
        result += "\\t";
        break;
      case '\r':
        result += "\\r";
        break;
      default:
        if (rune.value < 0x20 || rune.value == 0x7F) {
          result += fmt::format("\\x{:02x}", static_cast<unsigned>(rune.value));
        } else if (rune.value > 0x10FFFF) {
          result += fmt::format("\\x{:02x}", static_cast<unsigned>(rune.value - 0x110000U));
        } else {
          result += bytes;
        }
    }
  }
  return result + '"';
}

}  // namespace shale::dockerfile
