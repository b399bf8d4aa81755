// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/source.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "dockerfile/runes.h"

namespace shale::dockerfile {

namespace {

constexpr std::size_t kMaxShownBytes = 160;  // of one line: wide enough for people, small enough for a log
constexpr int kMaxShownLines = 12;           // of one instruction; a heredoc may have thousands

// Offsets of the lines first … last (from 1), as views without their newline. Stops reading behind `last`.
// `text` starts with line number `number`.
std::vector<std::string_view> lines_between(std::string_view text, int number, int first, int last) {
  std::vector<std::string_view> lines;
  for (std::size_t start = 0; start < text.size() && number <= last; ++number) {
    std::size_t end = text.find('\n', start);
    if (end == std::string_view::npos) end = text.size();
    if (number >= first) {
      std::string_view line = text.substr(start, end - start);
      if (line.ends_with('\r')) line.remove_suffix(1);
      lines.push_back(line);
    }
    start = end + 1;
  }
  return lines;
}

bool is_word_byte(char c) {
  return (static_cast<unsigned char>(c) & 0x80U) != 0 || is_name_rune(static_cast<char32_t>(c)) || c == '-';
}

// Where `word` stands in `line`, preferring a place where it is a word of its own.
std::size_t find_word(std::string_view line, std::string_view word) {
  std::size_t any = std::string_view::npos;
  for (std::size_t at = line.find(word); at != std::string_view::npos; at = line.find(word, at + 1)) {
    const bool free_before = at == 0 || !is_word_byte(line[at - 1]) || !is_word_byte(word.front());
    const std::size_t end = at + word.size();
    const bool free_behind = end == line.size() || !is_word_byte(line[end]) || !is_word_byte(word.back());
    if (free_before && free_behind) return at;
    any = std::min(any, at);
  }
  return any;
}

// A line as it is shown: no control characters (a Dockerfile must not steer the terminal), not too long.
std::string shown(std::string_view line) {
  std::string result;
  for (std::size_t i = 0; i < line.size();) {
    if (result.size() >= kMaxShownBytes) return result + "…";
    const Rune rune = rune_at(line, i);
    const auto width = static_cast<std::size_t>(rune.width);
    const bool control = rune.value < 0x20 || rune.value == 0x7F || (rune.value >= 0x80 && rune.value < 0xA0);
    if (rune.value == '\t') {
      result += ' ';
    } else if (control || rune.value > 0x10FFFF) {
      result += "?";
    } else {
      result += line.substr(i, width);
    }
    i += width;
  }
  return result;
}

int count_runes(std::string_view text) {
  int count = 0;
  for (std::size_t i = 0; i < text.size(); i += static_cast<std::size_t>(rune_at(text, i).width)) ++count;
  return count;
}

std::string caret_line(std::string_view line, const SourceSpan& span, int number_width) {
  const auto column = static_cast<std::size_t>(span.column - 1);
  if (column > line.size() || column >= kMaxShownBytes) return {};
  const std::size_t length = std::min<std::size_t>(static_cast<std::size_t>(std::max(span.length, 1)),
                                                   std::max<std::size_t>(line.size() - column, 1));
  const int carets = std::max(1, count_runes(line.substr(column, std::min(length, kMaxShownBytes - column))));
  return fmt::format("  {:{}} | {}{}\n", "", number_width,
                     std::string(static_cast<std::size_t>(count_runes(line.substr(0, column))), ' '),
                     std::string(static_cast<std::size_t>(carets), '^'));
}

std::string excerpt_from(std::string_view text, int text_line, const SourceSpan& span) {
  if (span.line < 1) return {};
  const int first = std::max(1, span.line - 1);
  const int last_marked = std::max(span.line, span.end_line);
  const int last = std::min(last_marked, span.line + kMaxShownLines - 1) +
                   (last_marked - span.line < kMaxShownLines ? 1 : 0);
  const std::vector<std::string_view> lines = lines_between(text, text_line, first, last);
  if (static_cast<int>(lines.size()) <= span.line - first) return {};
  const int number_width = static_cast<int>(std::to_string(last).size());
  std::string result;
  for (int number = first; number < first + static_cast<int>(lines.size()); ++number) {
    const std::string_view line = lines[static_cast<std::size_t>(number - first)];
    const bool marked = number >= span.line && number <= last_marked;
    std::string row = fmt::format("{} {:{}} | {}", marked ? ">" : " ", number, number_width, shown(line));
    row.erase(row.find_last_not_of(' ') + 1);
    result += row + "\n";
    if (number == span.line && span.column > 0) result += caret_line(line, span, number_width);
  }
  if (last_marked > last) result += fmt::format("  {:{}} | … up to line {}\n", "", number_width, last_marked);
  result.pop_back();
  return result;
}

SourceSpan locate_from(std::string_view text, int text_line, const SourceSpan& span, std::string_view word) {
  if (word.empty() || span.line < 1) return span;
  const std::vector<std::string_view> lines =
      lines_between(text, text_line, span.line, std::max(span.line, span.end_line));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::size_t at = find_word(lines[i], word);
    if (at == std::string_view::npos) continue;
    SourceSpan found = span;
    found.line = span.line + static_cast<int>(i);
    found.column = static_cast<int>(at) + 1;
    found.length = static_cast<int>(word.size());
    found.end_line = found.line;
    return found;
  }
  return span;
}

}  // namespace

std::string excerpt(std::string_view text, const SourceSpan& span) { return excerpt_from(text, 1, span); }

std::string excerpt(std::string_view text, const LineIndex& index, const SourceSpan& span) {
  const int first = std::max(1, span.line - 1);
  return excerpt_from(text.substr(std::min(index.offset(first), text.size())), first, span);
}

SourceSpan locate(std::string_view text, const SourceSpan& span, std::string_view word) {
  return locate_from(text, 1, span, word);
}

SourceSpan locate(std::string_view text, const LineIndex& index, const SourceSpan& span,
                  std::string_view word) {
  if (span.line < 1) return span;
  return locate_from(text.substr(std::min(index.offset(span.line), text.size())), span.line, span, word);
}

LineIndex::LineIndex(std::string_view text) : offsets_{0} {
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    offsets_.push_back(at + 1);
  }
}

std::size_t LineIndex::offset(int number) const {
  if (offsets_.empty() || number < 1) return 0;
  const auto at = static_cast<std::size_t>(number) - 1;
  return at < offsets_.size() ? offsets_[at] : std::string_view::npos;
}

Error error_at(std::string_view text, const SourceSpan& span, std::string message) {
  return Error(ErrorKind::kDockerfile, std::move(message)).at(span).with_excerpt(excerpt(text, span));
}

Error&& with_suggestion(Error&& error, std::string_view suggestion) {
  if (!suggestion.empty()) error.add_hint(fmt::format("did you mean '{}'?", suggestion));
  return std::move(error);
}

}  // namespace shale::dockerfile
