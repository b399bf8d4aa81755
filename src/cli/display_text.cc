// SPDX-License-Identifier: Apache-2.0
#include "cli/display_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

namespace shale::cli {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

struct CodePoint {
  char32_t value = 0;
  std::size_t length = 1;
  bool valid = false;
};

CodePoint decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return {};
  char32_t value = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return {};
    value = (value << 6U) | (byte(i) & 0x3FU);
  }
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[length] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return {};
  return {value, length, true};
}

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); }

// Characters that reorder what follows: "Trojan Source", CVE-2021-42574.
bool is_bidi_override(char32_t c) { return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069); }

struct Range {
  char32_t first;
  char32_t last;
};
// The blocks that matter of Unicode's EastAsianWidth W and F, and of its combining and format characters. An
// error here costs a misplaced column, nothing more.
constexpr Range kWide[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},   {0xAC00, 0xD7A3},
                           {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},
                           {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1FAFF}, {0x20000, 0x3FFFD}};
constexpr Range kZero[] = {{0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x064B, 0x065F},
                           {0x200B, 0x200F}, {0x20D0, 0x20F0}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};

bool within(std::span<const Range> ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& r) { return c >= r.first && c <= r.last; });
}

int width_of(char32_t c) {
  if (is_control(c) || within(kZero, c)) return 0;
  return within(kWide, c) ? 2 : 1;
}

// Length of the escape sequence at the start of `text` (which begins with ESC or a C1 introducer), as ECMA-48
// delimits it; an unfinished one takes the rest.
std::size_t sequence_length(std::string_view text) {
  std::size_t i = 1;
  char kind = 0;
  if (text[0] == '\033') {
    if (text.size() < 2) return 1;
    kind = text[1];
    i = 2;
  } else {  // C1 in UTF-8: 0xC2 0x80…0x9F, which stands for ESC 0x40…0x5F
    kind = static_cast<char>(static_cast<unsigned char>(text[1]) - 0x40);
    i = 2;
  }
  switch (kind) {
    case '[':  // CSI: parameters and intermediates, then one final byte
      while (i < text.size() && text[i] >= 0x20 && text[i] <= 0x3F) ++i;
      return std::min(i + 1, text.size());
    case ']':  // OSC, DCS, SOS, PM, APC: up to BEL or ST
    case 'P':
    case 'X':
    case '^':
    case '_':
      for (; i < text.size(); ++i) {
        if (text[i] == '\a') return i + 1;
        if (text[i] == '\033') return i + 1 < text.size() && text[i + 1] == '\\' ? i + 2 : i;
        if (text.substr(i).starts_with("\xC2\x9C")) return i + 2;
      }
      return text.size();
    default:  // two or more bytes: intermediates, then one final byte
      i = text[0] == '\033' ? 1 : 2;
      if (text[0] != '\033') return i;
      while (i < text.size() && text[i] >= 0x20 && text[i] <= 0x2F) ++i;
      return std::min(i + 1, text.size());
  }
}

// "ESC [ digits and semicolons m"
bool is_sgr(std::string_view sequence) {
  return sequence.size() >= 3 && sequence.starts_with("\033[") && sequence.back() == 'm' &&
         sequence.substr(2, sequence.size() - 3).find_first_not_of("0123456789;:") == std::string_view::npos;
}

}  // namespace

std::string escape_controls(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const CodePoint point = decode(text);
    if (!point.valid)
      out += kReplacement;
    else if (point.value == '\n' || point.value == '\t')
      out += ' ';
    else if (is_control(point.value))
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(point.value));
    else if (is_bidi_override(point.value))
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(point.value));
    else
      out += text.substr(0, point.length);
    text.remove_prefix(point.length);
  }
  return out;
}

std::string json_quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += fmt::format("\\{}", c);
    else if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out + '"';
}

std::string filter_output(std::string_view line, Colors colors) {
  std::string out;
  bool colored = false;
  while (!line.empty()) {
    const CodePoint point = decode(line);
    std::size_t length = point.length;
    if (!point.valid) {
      out += kReplacement;
    } else if (point.value == '\033' || (point.value >= 0x80 && point.value < 0xA0)) {
      length = sequence_length(line);
      const std::string_view sequence = line.substr(0, length);
      if (colors == Colors::kKeep && is_sgr(sequence)) {
        out += sequence;
        colored = sequence != "\033[0m" && sequence != "\033[m";
      }
    } else if (point.value == '\t' || !is_control(point.value)) {
      out += line.substr(0, length);
    }
    line.remove_prefix(length);
  }
  if (colored) out += "\033[0m";
  return out;
}

std::string filter_lines(std::string_view text, Colors colors) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    out += filter_output(text.substr(0, end), colors);
    if (end == std::string_view::npos) break;
    out += '\n';
    text.remove_prefix(end + 1);
  }
  return out;
}

std::vector<std::string_view> split_overwritten(std::string_view line) {
  while (line.ends_with('\r')) line.remove_suffix(1);
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = line.find('\r');
    const std::string_view part = line.substr(0, end);
    if (!parts.empty() && part.size() >= parts.back().size())
      parts.back() = part;
    else if (!part.empty() || parts.empty())
      parts.push_back(part);
    if (end == std::string_view::npos) return parts;
    line.remove_prefix(end + 1);
  }
}

int display_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const CodePoint point = decode(text);
    width += point.valid ? width_of(point.value) : 1;
    text.remove_prefix(point.length);
  }
  return width;
}

std::string fit(std::string_view text, int width) {
  if (width <= 0) return {};
  if (display_width(text) <= width) return std::string(text);
  const std::string_view dots =
      std::string_view("...").substr(0, static_cast<std::size_t>(std::min(width, 3)));
  const int room = width - static_cast<int>(dots.size());
  int used = 0;
  std::size_t taken = 0;
  while (taken < text.size()) {
    const CodePoint point = decode(text.substr(taken));
    const int next = point.valid ? width_of(point.value) : 1;
    if (used + next > room) break;
    used += next;
    taken += point.length;
  }
  return std::string(text.substr(0, taken)).append(dots);
}

}  // namespace shale::cli
