// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "dockerfile/expand.h"
#include "dockerfile/runes.h"

namespace shale::dockerfile {

namespace {

// What separates a keyword from its arguments and plain words from each other.
constexpr std::string_view kBlanks = "\t\v\f\r ";

// Collects the strings of the outermost array while a JSON text is read, without building it in memory.
class StringArrayReader : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return other(); }
  bool boolean(bool /*value*/) override { return other(); }
  bool number_integer(number_integer_t /*value*/) override { return other(); }
  bool number_unsigned(number_unsigned_t /*value*/) override { return other(); }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return other(); }
  bool binary(binary_t& /*value*/) override { return other(); }
  bool string(string_t& value) override {
    if (depth_ == 1) strings_.push_back(std::move(value));
    return true;
  }
  bool start_object(std::size_t /*elements*/) override { return open(); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t /*elements*/) override { return open(); }
  bool end_array() override { return close(); }
  bool key(string_t& /*value*/) override { return true; }
  bool parse_error(std::size_t /*at*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*e*/) override {
    return false;
  }

  [[nodiscard]] bool only_strings() const { return only_strings_; }
  std::vector<std::string> take() { return std::move(strings_); }

 private:
  bool other() {
    only_strings_ = only_strings_ && depth_ != 1;
    return true;
  }
  bool open() {
    other();
    ++depth_;
    return true;
  }
  bool close() {
    --depth_;
    return true;
  }
  int depth_ = 0;
  bool only_strings_ = true;
  std::vector<std::string> strings_;
};

// Reads quoted_words one character at a time.
class QuotedWordReader {
 public:
  QuotedWordReader(std::string_view text, char escape) : text_(text), escape_(escape) {}

  std::vector<std::string> run() {
    while (at_ < text_.size()) {
      const std::string_view character = next();
      const char32_t rune = rune_at(character, 0).value;
      if (quote_ == 0 && is_space(rune)) {
        finish_word();
        continue;
      }
      in_word_ = true;
      if (rune == quote_) {
        quote_ = 0;
      } else if (quote_ == 0 && (rune == '\'' || rune == '"')) {
        quote_ = rune;
      } else if (rune == static_cast<char32_t>(escape_) && quote_ != '\'') {
        if (at_ == text_.size()) break;  // a lone escape at the end is dropped
        word_ += character;
        word_ += next();
        continue;
      }
      word_ += character;
    }
    finish_word();
    return std::move(words_);
  }

 private:
  std::string_view next() {
    const std::string_view character = text_.substr(at_, static_cast<std::size_t>(rune_at(text_, at_).width));
    at_ += character.size();
    return character;
  }
  void finish_word() {
    if (in_word_ && !word_.empty()) words_.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }

  std::string_view text_;
  char escape_;
  std::size_t at_ = 0;
  char32_t quote_ = 0;
  bool in_word_ = false;
  std::string word_;
  std::vector<std::string> words_;
};

bool is_ascii_space(char c) {
  return is_space(static_cast<unsigned char>(c)) && static_cast<unsigned char>(c) < 0x80;
}

}  // namespace

FirstWord take_word(std::string_view text) {
  const std::size_t end = text.find_first_of(kBlanks);
  if (end == std::string_view::npos) return {text, {}};
  const std::size_t rest = text.find_first_not_of(kBlanks, end);
  return {text.substr(0, end), rest == std::string_view::npos ? std::string_view{} : text.substr(rest)};
}

std::string_view take_flags(std::string_view text, std::vector<std::string>& flags) {
  for (std::size_t at = 0;;) {
    while (at < text.size() && is_ascii_space(text[at])) ++at;
    if (!text.substr(at).starts_with("--")) return text.substr(at);
    std::string flag;
    char quote_char = 0;
    for (; at < text.size() && (quote_char != 0 || !is_ascii_space(text[at])); ++at) {
      const char c = text[at];
      if (c == quote_char) {
        quote_char = 0;
      } else if (quote_char == 0 && (c == '\'' || c == '"')) {
        quote_char = c;
      } else if (c != '\\') {
        flag += c;
      } else if (at + 1 < text.size()) {
        flag += text[++at];
      }
    }
    if (flag == "--") return text.substr(at);
    flags.push_back(std::move(flag));
  }
}

std::vector<std::string> quoted_words(std::string_view text, char escape) {
  return QuotedWordReader(text, escape).run();
}

std::vector<std::string> plain_words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const FirstWord first = take_word(text);
    words.emplace_back(first.word);
    text = first.rest;
  }
  return words;
}

Result<std::optional<std::vector<std::string>>> json_words(std::string_view text) {
  text = trim(text);
  if (!text.starts_with('[')) return std::nullopt;
  StringArrayReader reader;
  if (!Json::sax_parse(text.begin(), text.end(), &reader)) return std::nullopt;
  if (!reader.only_strings()) {
    return fail(ErrorKind::kDockerfile,
                "when using JSON array syntax, arrays must be comprised of strings only");
  }
  return reader.take();
}

Result<std::vector<std::string>> name_values(std::string_view text, std::string_view keyword, char escape) {
  std::vector<std::string> result;
  const std::vector<std::string> words = quoted_words(text, escape);
  if (words.empty()) return result;
  if (words.front().find('=') == std::string::npos) {
    const FirstWord first = take_word(text);
    if (first.rest.empty() && first.word.size() == text.size()) {
      auto error = fail(ErrorKind::kDockerfile, fmt::format("{} must have two arguments", keyword));
      error.error().add_hint(fmt::format("write '{} {}=value'", keyword, first.word));
      return error;
    }
    return std::vector<std::string>{std::string(first.word), std::string(first.rest), ""};
  }
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) {
      auto error = fail(
          ErrorKind::kDockerfile,
          fmt::format("Syntax error - can't find = in {}. Must be of the form: name=value", quote(word)));
      error.error().add_hint("put quotes around a value that holds blanks");
      return error;
    }
    result.push_back(word.substr(0, equals));
    result.push_back(word.substr(equals + 1));
    result.emplace_back("=");
  }
  return result;
}

Result<std::optional<Heredoc>> heredoc_word(std::string_view word) {
  const auto digits = static_cast<std::size_t>(
      std::ranges::find_if(word, [](char c) { return c < '0' || c > '9'; }) - word.begin());
  std::string_view rest = word.substr(digits);
  if (!rest.starts_with("<<")) return std::nullopt;
  rest.remove_prefix(2);
  Heredoc heredoc;
  heredoc.strip_tabs = rest.starts_with('-');
  if (heredoc.strip_tabs) rest.remove_prefix(1);
  if (rest.empty() || rest.find('<') != std::string_view::npos) return std::nullopt;
  std::from_chars(word.data(), word.data() + digits, heredoc.file_descriptor);

  const Lookup nothing = [](std::string_view) { return std::nullopt; };
  ASSIGN_OR_RETURN(const Expansion plain, expand_word(rest, nothing, {.keep_unset = true}));
  if (plain.words.size() != 1) return std::nullopt;
  ASSIGN_OR_RETURN(const Expansion raw,
                   expand_word(rest, nothing, {.raw_quotes = true, .raw_escapes = true, .keep_unset = true}));
  if (raw.words.size() != 1) return std::nullopt;
  heredoc.name = plain.words.front();
  heredoc.expand = heredoc.name == raw.words.front();
  return heredoc;
}

Result<std::vector<Heredoc>> heredocs_of_line(std::string_view line) {
  std::vector<Heredoc> result;
  const Lookup nothing = [](std::string_view) { return std::nullopt; };
  // A line the word rules cannot read (a quote left open, "${x,,}") opens no heredoc: the shell may
  // understand it.
  const auto words =
      expand_word(line, nothing, {.raw_quotes = true, .raw_escapes = true, .keep_unset = true});
  if (!words) return result;
  for (const std::string& word : words->words) {
    ASSIGN_OR_RETURN(auto heredoc, heredoc_word(word));
    if (heredoc) result.push_back(std::move(*heredoc));
  }
  return result;
}

}  // namespace shale::dockerfile
