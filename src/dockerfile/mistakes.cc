// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/mistakes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/suggest.h"
#include "dockerfile/runes.h"

namespace shale::dockerfile {

namespace {

struct Line {
  int number = 0;
  std::string_view text;  // without blanks at its ends
};

// The last line above `number` that is neither blank nor a comment; number 0 if there is none.
Line text_line_above(std::string_view text, int number) {
  Line last;
  int current = 0;
  for (std::size_t start = 0; start < text.size() && ++current < number;) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = trim(text.substr(start, end - start));
    if (!line.empty() && !line.starts_with('#')) last = {.number = current, .text = line};
    start = end + 1;
  }
  return last;
}

bool begins_like_a_continuation(std::string_view keyword) {
  return keyword.starts_with("&&") || keyword.starts_with('|') || keyword.starts_with(';') ||
         keyword.starts_with("--");
}

// A command line that a shell would go on reading.
bool ends_unfinished(std::string_view line) {
  static constexpr std::array<std::string_view, 8> kEnds = {"&&", "||", "|", "(", "{", " then", " do", ","};
  return std::ranges::any_of(kEnds, [&](std::string_view end) { return line.ends_with(end); });
}

bool is_indented(std::string_view text, int number) {
  std::size_t start = 0;
  for (int i = 1; i < number && start < text.size(); ++i)
    start = std::min(text.find('\n', start), text.size()) + 1;
  return start < text.size() && (text[start] == ' ' || text[start] == '\t');
}

}  // namespace

std::string hint_about_unknown(const Node& node, std::string_view text) {
  const std::string_view keyword = node.keyword_text;
  for (const std::string_view marker : {"<<<<<<<", "=======", ">>>>>>>"})
    if (keyword.starts_with(marker)) return "this is a conflict marker of git: the merge is not finished";
  if (keyword.starts_with("```")) return "this is Markdown: remove the lines with ```";
  if (const std::string characters = hint_about_characters(keyword); !characters.empty()) return characters;
  const std::string nearest = suggest(node.keyword, instruction_names());
  const Line above = text_line_above(text, node.span.line);
  const bool behind_run =
      above.number > 0 && (ends_unfinished(above.text) || begins_like_a_continuation(keyword));
  if (behind_run) return fmt::format("line {} looks unfinished: add '\\' at its end", above.number);
  // Two letters of four may be a typo of anything; at the margin it is one, indented it is the rest of
  // something.
  if (!nearest.empty() && (!is_indented(text, node.span.line) || above.number == 0))
    return fmt::format("did you mean '{}'?", nearest);
  if (text.starts_with("#!")) return "the file begins with '#!': it is a script and no Dockerfile";
  if (above.number == 0 && keyword.ends_with(':')) return "this looks like YAML: is it a Compose file?";
  if (above.number > 0 && is_indented(text, node.span.line))
    return fmt::format("if it belongs to line {}, that line needs a '\\' at its end", above.number);
  return {};
}

std::string hint_about_characters(std::string_view line) {
  static constexpr std::array<std::pair<char32_t, std::string_view>, 8> kLookalikes = {{
      {0x201C, "\""},
      {0x201D, "\""},
      {0x201E, "\""},
      {0x2018, "'"},
      {0x2019, "'"},
      {0x2013, "--"},
      {0x2014, "--"},
      {0xA0, "a blank"},
  }};
  for (std::size_t at = 0; at < line.size();) {
    const Rune rune = rune_at(line, at);
    const auto* const found =
        std::ranges::find(kLookalikes, rune.value, &std::pair<char32_t, std::string_view>::first);
    if (found != kLookalikes.end()) {
      const std::string_view shown = line.substr(at, static_cast<std::size_t>(rune.width));
      if (rune.value == 0xA0)
        return "a no-break space (U+00A0) stands here in place of a blank: type it anew";
      return fmt::format("{} (U+{:04X}) is a typographic character: write {}", shown,
                         static_cast<std::uint32_t>(rune.value), found->second);
    }
    at += static_cast<std::size_t>(rune.width);
  }
  return {};
}

bool looks_like_utf16(std::string_view text) {
  return text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF") ||
         (text.size() > 3 && text[1] == '\0' && text[3] == '\0');
}

}  // namespace shale::dockerfile
