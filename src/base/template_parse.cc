// SPDX-License-Identifier: Apache-2.0
#include "base/template_parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace shale {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr int kMaxDepth = 32;  // of parentheses and blocks; bounds recursion

bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// What stands between one pair of braces, or the text up to the next.
struct Piece {
  bool action = false;
  std::string_view text;
};

std::unexpected<Error> wrong(std::string message) {
  return fail(ErrorKind::kUsage, "template: " + std::move(message));
}

// Where the action that begins at `text` ends: at a "}}" outside of quotes.
std::size_t end_of_action(std::string_view text) {
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quote != 0) {
      if (text[i] == '\\' && quote == '"')
        ++i;
      else if (text[i] == quote)
        quote = 0;
    } else if (text[i] == '"' || text[i] == '`') {
      quote = text[i];
    } else if (text.substr(i).starts_with("}}")) {
      return i;
    }
  }
  return std::string_view::npos;
}

std::string_view trim_end(std::string_view text) {
  const std::size_t last = text.find_last_not_of(kBlanks);
  return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}
std::string_view trim_start(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kBlanks), text.size()));
}

Result<std::vector<Piece>> split_pieces(std::string_view pattern) {
  std::vector<Piece> pieces;
  while (!pattern.empty()) {
    const std::size_t start = pattern.find("{{");
    std::string_view text = pattern.substr(0, start);
    if (start == std::string_view::npos) {
      pieces.push_back({.text = text});
      break;
    }
    pattern.remove_prefix(start + 2);
    const std::size_t end = end_of_action(pattern);
    if (end == std::string_view::npos) return wrong("'{{' without '}}'");
    std::string_view action = pattern.substr(0, end);
    pattern.remove_prefix(end + 2);
    // "{{- " and " -}}"; "{{-3}}" is a number.
    if (action.size() > 1 && action[0] == '-' && kBlanks.find(action[1]) != std::string_view::npos) {
      action.remove_prefix(1);
      text = trim_end(text);
    }
    if (action.size() > 1 && action.back() == '-' &&
        kBlanks.find(action[action.size() - 2]) != std::string_view::npos) {
      action.remove_suffix(1);
      pattern = trim_start(pattern);
    }
    if (!text.empty()) pieces.push_back({.text = text});
    pieces.push_back({.action = true, .text = trim_end(trim_start(action))});
  }
  return pieces;
}

// Reads one action's words.
class ActionReader {
 public:
  explicit ActionReader(std::string_view text) : rest_(text) { skip_blanks(); }

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  // Takes `word` if it comes next, as a whole.
  bool take_word(std::string_view word) {
    if (!rest_.starts_with(word) || (rest_.size() > word.size() && is_name(rest_[word.size()]))) return false;
    advance(word.size());
    return true;
  }

  Result<TemplatePipeline> pipeline(int depth = 0) {
    TemplatePipeline out;
    RETURN_IF_ERROR(variables(out));
    do {
      TemplateCommand command;
      while (!rest_.empty() && rest_[0] != '|' && rest_[0] != ')') {
        ASSIGN_OR_RETURN(TemplateOperand operand, this->operand(depth));
        command.push_back(std::move(operand));
      }
      if (command.empty()) return wrong("a value is missing");
      out.commands.push_back(std::move(command));
    } while (take('|'));
    return out;
  }

 private:
  void skip_blanks() { rest_ = trim_start(rest_); }
  void advance(std::size_t count) {
    rest_.remove_prefix(count);
    skip_blanks();
  }
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    advance(1);
    return true;
  }
  std::string_view take_name() {
    std::size_t end = 0;
    while (end < rest_.size() && is_name(rest_[end])) ++end;
    const std::string_view name = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return name;
  }

  // "$k, $v :=", if it is there.
  Status variables(TemplatePipeline& out) {
    if (!rest_.starts_with('$') || rest_.find(":=") == std::string_view::npos) return {};
    do {
      if (!rest_.starts_with('$')) return wrong("a variable is missing before ':='");
      rest_.remove_prefix(1);
      out.variables.emplace_back(take_name());
      skip_blanks();
    } while (take(','));
    if (!rest_.starts_with(":=")) return wrong("':=' is missing");
    advance(2);
    return {};
  }

  // ".A.B", with the first dot next.
  std::vector<std::string> fields() {
    std::vector<std::string> names;
    while (rest_.starts_with('.')) {
      rest_.remove_prefix(1);
      const std::string_view name = take_name();
      if (name.empty()) break;
      names.emplace_back(name);
    }
    skip_blanks();
    return names;
  }

  Result<TemplateOperand> operand(int depth) {
    using enum TemplateOperand::Kind;
    const char first = rest_[0];
    if (first == '.') return TemplateOperand{.kind = kField, .fields = fields()};
    if (first == '$') {
      rest_.remove_prefix(1);
      std::string name(take_name());
      return TemplateOperand{.kind = kVariable, .name = std::move(name), .fields = fields()};
    }
    if (first == '"' || first == '`') return text(first);
    if (first == '(') {
      if (depth == kMaxDepth) return wrong("too many parentheses");
      advance(1);
      TemplateOperand group{.kind = kGroup};
      ASSIGN_OR_RETURN(TemplatePipeline inner, pipeline(depth + 1));
      if (!rest_.starts_with(')')) return wrong("'(' without ')'");
      rest_.remove_prefix(1);
      group.fields = fields();
      group.group.push_back(std::move(inner));
      return group;
    }
    if (std::isdigit(static_cast<unsigned char>(first)) != 0 || first == '-') return number();
    const std::string_view name = take_name();
    if (name.empty()) return wrong(fmt::format("'{}' was not expected", rest_));
    skip_blanks();
    if (name == "true" || name == "false")
      return TemplateOperand{.kind = kLiteral, .literal = name == "true"};
    if (name == "nil") return TemplateOperand{.kind = kLiteral};
    return TemplateOperand{.kind = kFunction, .name = std::string(name)};
  }

  Result<TemplateOperand> text(char quote) {
    std::string value;
    std::size_t i = 1;
    for (; i < rest_.size() && rest_[i] != quote; ++i) {
      if (rest_[i] != '\\' || quote != '"' || i + 1 == rest_.size()) {
        value += rest_[i];
        continue;
      }
      ++i;
      value += rest_[i] == 'n' ? '\n' : rest_[i] == 't' ? '\t' : rest_[i];
    }
    if (i >= rest_.size()) return wrong("a quotation mark is missing");
    advance(i + 1);
    return TemplateOperand{.kind = TemplateOperand::Kind::kLiteral, .literal = std::move(value)};
  }

  Result<TemplateOperand> number() {
    constexpr std::size_t kMostDigits = 18;  // which a 64-bit number can hold
    const std::size_t sign = rest_[0] == '-' ? 1 : 0;
    std::size_t end = sign;
    while (end < rest_.size() && std::isdigit(static_cast<unsigned char>(rest_[end])) != 0) ++end;
    if (end == sign || end - sign > kMostDigits || (end < rest_.size() && is_name(rest_[end])))
      return wrong(fmt::format("'{}' is no number", rest_));
    const std::int64_t value = std::stoll(std::string(rest_.substr(0, end)));
    advance(end);
    return TemplateOperand{.kind = TemplateOperand::Kind::kLiteral, .literal = value};
  }

  std::string_view rest_;
};

class Parser {
 public:
  explicit Parser(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {}

  // Up to the end of the text, or of the block that began at a depth above 0.
  Result<std::vector<TemplateNode>> nodes(int depth) {
    std::vector<TemplateNode> out;
    for (; next_ < pieces_.size(); ++next_) {
      const Piece& piece = pieces_[next_];
      if (!piece.action) {
        out.push_back({.kind = TemplateNode::Kind::kText, .text = std::string(piece.text)});
        continue;
      }
      if (piece.text.starts_with("/*")) continue;
      ActionReader reader(piece.text);
      if (depth > 0 && (piece.text == "end" || piece.text == "else")) return out;
      if (piece.text == "end" || piece.text == "else")
        return wrong(fmt::format("'{}' without if or range", piece.text));
      TemplateNode node{.kind = TemplateNode::Kind::kValue};
      if (reader.take_word("if"))
        node.kind = TemplateNode::Kind::kIf;
      else if (reader.take_word("with"))
        node.kind = TemplateNode::Kind::kWith;
      else if (reader.take_word("range"))
        node.kind = TemplateNode::Kind::kRange;
      for (const char* unknown : {"define", "template", "block", "else"})
        if (reader.take_word(unknown)) return wrong(fmt::format("'{}' is not known", piece.text));
      ASSIGN_OR_RETURN(node.pipeline, reader.pipeline());
      if (!reader.at_end()) return wrong(fmt::format("'{}' has a ')' too many", piece.text));
      if (node.kind != TemplateNode::Kind::kValue) RETURN_IF_ERROR(block(node, depth));
      out.push_back(std::move(node));
    }
    if (depth > 0) return wrong("an 'end' is missing");
    return out;
  }

 private:
  Status block(TemplateNode& node, int depth) {
    if (depth == kMaxDepth) return wrong("too many blocks in each other");
    ++next_;
    ASSIGN_OR_RETURN(node.body, nodes(depth + 1));
    if (pieces_[next_].text != "else") return {};
    ++next_;
    ASSIGN_OR_RETURN(node.otherwise, nodes(depth + 1));
    if (pieces_[next_].text == "else") return wrong("a second 'else'");
    return {};
  }

  std::vector<Piece> pieces_;
  std::size_t next_ = 0;
};

}  // namespace

Result<std::vector<TemplateNode>> parse_template(std::string_view pattern) {
  ASSIGN_OR_RETURN(std::vector<Piece> pieces, split_pieces(pattern));
  return Parser(std::move(pieces)).nodes(0);
}

}  // namespace shale
