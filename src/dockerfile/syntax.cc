// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/syntax.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "dockerfile/runes.h"
#include "dockerfile/source.h"
#include "dockerfile/words.h"

namespace shale::dockerfile {

namespace {

enum class Shape {
  kString,
  kWords,
  kNames,
  kNameValues,
  kMaybeJson,
  kMaybeJsonWords,
  kHealthcheck,
  kTrigger
};

struct KeywordShape {
  std::string_view keyword;
  Shape shape;
};
constexpr std::array<KeywordShape, 18> kShapes = {{
    {"add", Shape::kMaybeJsonWords},
    {"arg", Shape::kNames},
    {"cmd", Shape::kMaybeJson},
    {"copy", Shape::kMaybeJsonWords},
    {"entrypoint", Shape::kMaybeJson},
    {"env", Shape::kNameValues},
    {"expose", Shape::kWords},
    {"from", Shape::kWords},
    {"healthcheck", Shape::kHealthcheck},
    {"label", Shape::kNameValues},
    {"maintainer", Shape::kString},
    {"onbuild", Shape::kTrigger},
    {"run", Shape::kMaybeJson},
    {"shell", Shape::kMaybeJson},
    {"stopsignal", Shape::kString},
    {"user", Shape::kString},
    {"volume", Shape::kMaybeJsonWords},
    {"workdir", Shape::kString},
}};

bool is_comment(std::string_view line) { return trim_left(line).starts_with('#'); }

std::string_view without_newline(std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Cuts the escape character that continues a line, and the blanks behind it. False: the line is not
// continued.
bool cut_continuation(std::string_view& line, char escape) {
  std::size_t end = line.size();
  while (end > 0 && (line[end - 1] == ' ' || line[end - 1] == '\t')) --end;
  if (end == 0 || line[end - 1] != escape) return false;
  if (end > 1 && line[end - 2] == escape) return false;  // an escaped escape character is text
  line = line.substr(0, end - 1);
  return true;
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& file_name)
      : text_(text), file_name_(file_name), rest_(text) {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
  }

  SyntaxOutcome run() {
    std::vector<std::string> comments;
    while (!rest_.empty()) {
      const std::string_view raw = next_line();
      if (is_comment(raw)) {
        if (!directive(trim_left(without_newline(raw))))
          comments.emplace_back(trim(trim_left(raw).substr(1)));
        continue;
      }
      directives_done_ = true;
      std::string_view line = trim_left(without_newline(raw));
      const int start = line_;
      bool continued = cut_continuation(line, escape());
      if (!continued && line.empty()) {
        comments.clear();
        continue;
      }
      std::string logical(line);
      bool empty_continuation = false;
      while (continued && !rest_.empty()) {
        const std::string_view more_raw = next_line();
        if (is_comment(more_raw)) continue;
        std::string_view more = without_newline(more_raw);
        if (trim_left(more).empty()) {
          empty_continuation = true;
          continue;
        }
        continued = cut_continuation(more, escape());
        logical += more;
      }
      instruction(logical, start, std::move(comments), empty_continuation);
      comments.clear();
    }
    if (outcome_.tree.nodes.empty() && outcome_.errors.empty()) {
      add_error({.file = file_name_, .line = line_}, "file with no instructions");
    }
    return std::move(outcome_);
  }

 private:
  [[nodiscard]] char escape() const { return outcome_.tree.directives.escape; }

  std::string_view next_line() {
    const std::size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end == std::string_view::npos ? rest_.size() : end + 1);
    rest_.remove_prefix(line.size());
    ++line_;
    return line;
  }

  void add_error(const SourceSpan& span, std::string message) {
    add_error(error_at(text_, span, std::move(message)));
  }
  void add_error(Error error) {
    if (outcome_.errors.size() < kMaxReportedErrors) outcome_.errors.push_back(std::move(error));
  }
  [[nodiscard]] bool errors_full() const { return outcome_.errors.size() >= kMaxReportedErrors; }

  // Reads "# key=value", as long as nothing else has come. False: it is only a comment.
  bool directive(std::string_view line) {
    if (directives_done_) return false;
    if (line_ == 1 && line.starts_with("#!")) return true;
    std::string_view body = trim(line.substr(1));
    const std::size_t key_end = std::min(body.find_first_of("= \t\v\f\r"), body.size());
    const std::string key = to_lower(body.substr(0, key_end));
    body = trim_left(body.substr(key_end));
    const bool known = key == "syntax" || key == "escape" || key == "check";
    if (!known || !body.starts_with('=') || trim(body.substr(1)).empty()) {
      directives_done_ = true;
      return false;
    }
    const std::string value(trim(body.substr(1)));
    const SourceSpan span{.file = file_name_, .line = line_};
    if (std::ranges::find(seen_, key) != seen_.end()) {
      add_error(locate(text_, span, key), fmt::format("only one {} parser directive can be used", key));
      return true;
    }
    seen_.push_back(key);
    Directives& directives = outcome_.tree.directives;
    if (key == "syntax") {
      directives.syntax = value;
    } else if (key == "check") {
      directives.check = value;
      directives.check_line = line_;
    } else if (value != "\\" && value != "`") {
      add_error(locate(text_, span, value),
                fmt::format("invalid escape token '{}' does not match ` or \\", value));
    } else {
      directives.escape = value.front();
    }
    return true;
  }

  void instruction(std::string_view line, int start, std::vector<std::string> comments,
                   bool empty_continuation) {
    SourceSpan span{.file = file_name_, .line = start, .end_line = line_};
    auto node = make_node(line, span);
    if (!node) {
      if (!errors_full()) add_error(place(std::move(node.error()), span, line));
      outcome_.tree.nodes.push_back(broken_node(line, span));
      return;
    }
    node->comments = std::move(comments);
    node->after_empty_continuation = empty_continuation;
    if (may_open_heredocs(*node) && line.find("<<") != std::string_view::npos) heredocs(*node, line);
    node->span.end_line = line_;
    if (!node->trigger.empty()) {
      node->trigger.front().span = node->span;
      node->trigger.front().heredocs = node->heredocs;
    }
    outcome_.tree.nodes.push_back(std::move(*node));
  }

  // An error that knows no place gets that of the instruction's arguments.
  Error place(Error error, const SourceSpan& span, std::string_view line) const {
    const std::string_view arguments = take_word(trim(line)).rest;
    const std::string_view first = take_word(arguments).word;
    SourceSpan at = first.empty() ? span : locate(text_, span, first);
    error.set_span(at);
    return std::move(error).with_excerpt(excerpt(text_, at));
  }

  // Stands for an instruction that could not be read, so that what follows is still judged (a FROM opens a
  // stage).
  static Node broken_node(std::string_view line, const SourceSpan& span) {
    Node node;
    node.keyword_text = take_word(trim(line)).word;
    node.keyword = to_lower(node.keyword_text);
    node.original = line;
    node.span = span;
    node.broken = true;
    return node;
  }

  Result<Node> make_node(std::string_view line, const SourceSpan& span) const {
    Node node;
    const FirstWord command = take_word(trim(line));
    node.keyword_text = command.word;
    node.keyword = to_lower(command.word);
    node.original = line;
    node.span = span;
    const std::string_view arguments = trim(take_flags(command.rest, node.flags));
    const auto* const known = std::ranges::find(kShapes, node.keyword, &KeywordShape::keyword);
    if (known == kShapes.end()) return node;  // named by the typed parser, in the order of the file
    RETURN_IF_ERROR(read_arguments(node, known->shape, arguments, span));
    return node;
  }

  Status read_arguments(Node& node, Shape shape, std::string_view text, const SourceSpan& span) const {
    switch (shape) {
      case Shape::kString:
        if (!text.empty()) node.arguments.emplace_back(text);
        return {};
      case Shape::kWords:
        node.arguments = plain_words(text);
        return {};
      case Shape::kNames:
        node.arguments = quoted_words(text, escape());
        return {};
      case Shape::kNameValues: {
        ASSIGN_OR_RETURN(node.arguments, name_values(text, to_upper(node.keyword), escape()));
        return {};
      }
      case Shape::kHealthcheck: {
        const auto end = static_cast<std::size_t>(
            std::ranges::find_if(text, [](char c) { return is_space(static_cast<unsigned char>(c)); }) -
            text.begin());
        if (end == 0) return {};
        const std::string_view kind = text.substr(0, end);
        RETURN_IF_ERROR(read_arguments(node, Shape::kMaybeJson, trim_left(text.substr(end)), span));
        node.arguments.insert(node.arguments.begin(), std::string(kind));
        return {};
      }
      case Shape::kTrigger:
        if (text.empty()) return {};
        // A chain of ONBUILD is refused later; reading its rest here would only nest as deep as the line is
        // long.
        if (equals_ignoring_case(take_word(text).word, "onbuild")) {
          node.trigger.push_back(broken_node(text, span));
          return {};
        }
        {
          ASSIGN_OR_RETURN(Node inner, make_node(text, span));
          node.trigger.push_back(std::move(inner));
        }
        return {};
      case Shape::kMaybeJson:
      case Shape::kMaybeJsonWords: {
        if (text.empty()) return {};
        ASSIGN_OR_RETURN(auto words, json_words(text));
        node.json = words.has_value();
        if (words) {
          node.arguments = std::move(*words);
        } else if (shape == Shape::kMaybeJson) {
          node.arguments.emplace_back(text);
        } else {
          node.arguments = plain_words(text);
        }
        return {};
      }
    }
    return {};
  }

  static bool may_open_heredocs(const Node& node) {
    const Node& inner = node.keyword == "onbuild" && !node.trigger.empty() ? node.trigger.front() : node;
    return (inner.keyword == "run" || inner.keyword == "copy" || inner.keyword == "add") && !inner.json;
  }

  void heredocs(Node& node, std::string_view line) {
    auto opened = heredocs_of_line(line);
    if (!opened) {
      if (!errors_full()) add_error(place(std::move(opened.error()), node.span, line));
      return;
    }
    for (Heredoc& heredoc : *opened) {
      if (!read_heredoc(heredoc)) {
        if (errors_full()) return;
        Error error = error_at(text_, locate(text_, node.span, "<<"), "unterminated heredoc");
        error.add_hint(unterminated_hint(heredoc));
        add_error(std::move(error));
        return;
      }
      node.heredocs.push_back(std::move(heredoc));
    }
  }

  // Where the end was meant to be. If it is known, what stands before it is the document and no instructions.
  std::string unterminated_hint(const Heredoc& heredoc) {
    int number = line_;
    std::string_view rest = rest_;
    for (std::size_t start = 0; start < rest.size();) {
      const std::size_t end = std::min(rest.find('\n', start), rest.size());
      const std::string_view line = rest.substr(start, end - start);
      start = end + 1;
      ++number;
      if (trim(line) != heredoc.name) continue;
      while (line_ < number) (void)next_line();
      if (without_tabs(without_newline(line)) == heredoc.name)
        return fmt::format("line {0} has tabs in front of '{1}': take them away, or begin with '<<-{1}'",
                           number, heredoc.name);
      return fmt::format("line {} has blanks beside '{}', which has to stand alone", number, heredoc.name);
    }
    return fmt::format("a line that is exactly '{}' has to end it", heredoc.name);
  }

  // Reads up to the terminator. Without one nothing is consumed, so that errors behind the place are found,
  // too.
  bool read_heredoc(Heredoc& heredoc) {
    if (last_line_of(heredoc.name, heredoc.strip_tabs) <= line_) return false;
    const std::string_view rest = rest_;
    while (!rest_.empty()) {
      const std::string_view raw = next_line();
      std::string_view end = without_newline(raw);
      if (heredoc.strip_tabs) end = without_tabs(end);
      if (end != heredoc.name) continue;
      heredoc.content = rest.substr(0, static_cast<std::size_t>(raw.data() - rest.data()));
      return true;
    }
    return false;
  }

  static std::string_view without_tabs(std::string_view line) {
    return line.substr(std::min(line.find_first_not_of('\t'), line.size()));
  }

  // The number of the last line that is `word`, 0 if none: a search per heredoc would be quadratic when none
  // ends.
  int last_line_of(const std::string& word, bool strip_tabs) {
    if (last_lines_.empty()) {
      int number = 0;
      for (std::size_t start = 0; start < text_.size();) {
        const std::size_t end = std::min(text_.find('\n', start), text_.size());
        const std::string_view line = without_newline(text_.substr(start, end - start));
        start = end + 1;
        last_lines_[line] = ++number;
        last_lines_without_tabs_[without_tabs(line)] = number;
      }
    }
    const auto& lines = strip_tabs ? last_lines_without_tabs_ : last_lines_;
    const auto found = lines.find(word);
    return found == lines.end() ? 0 : found->second;
  }

  std::string_view text_;
  const std::string& file_name_;
  std::string_view rest_;
  int line_ = 0;  // number of the line read last
  bool directives_done_ = false;
  std::vector<std::string> seen_;
  std::unordered_map<std::string_view, int> last_lines_;
  std::unordered_map<std::string_view, int> last_lines_without_tabs_;
  SyntaxOutcome outcome_;
};

void dump_node(const Node& node, std::string& out) {
  out += node.keyword;
  if (!node.flags.empty()) {
    out += " [";
    for (std::size_t i = 0; i < node.flags.size(); ++i) out += (i > 0 ? " " : "") + quote(node.flags[i]);
    out += "]";
  }
  for (const Node& inner : node.trigger) {
    out += " (";
    dump_node(inner, out);
    out += ")";
  }
  for (const std::string& argument : node.arguments) out += " " + quote(argument);
}

}  // namespace

std::string Heredoc::text() const {
  if (!strip_tabs) return content;
  std::string result;
  bool line_start = true;
  for (const char c : content) {
    if (line_start && c == '\t') continue;
    line_start = c == '\n';
    result += c;
  }
  return result;
}

SyntaxOutcome parse_syntax(std::string_view text, const std::string& file_name) {
  return Parser(text, file_name).run();
}

std::string dump(const SyntaxTree& tree) {
  std::string result;
  for (const Node& node : tree.nodes) {
    result += "(";
    dump_node(node, result);
    result += ")\n";
  }
  return result;
}

const std::vector<std::string>& instruction_names() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const KeywordShape& shape : kShapes) names.push_back(to_upper(shape.keyword));
    return names;
  }();
  return kNames;
}

}  // namespace shale::dockerfile
