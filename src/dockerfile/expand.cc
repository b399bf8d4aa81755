// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/expand.h"

#include <fmt/format.h>

#include <unordered_set>
#include <utility>

#include "dockerfile/patterns.h"
#include "dockerfile/runes.h"

namespace shale::dockerfile {

namespace {

Error syntax_error(std::string message) { return Error(ErrorKind::kDockerfile, std::move(message)); }

// The words of a result while it grows: blanks separate them unless they were quoted or escaped.
class WordList {
 public:
  void add(std::string_view bytes, char32_t rune) {
    if (!is_space(rune)) {
      word_ += bytes;
    } else {
      finish_word();
    }
  }
  void add_splitting(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
      const Rune rune = rune_at(text, i);
      add(text.substr(i, static_cast<std::size_t>(rune.width)), rune.value);
      i += static_cast<std::size_t>(rune.width);
    }
  }
  void add_raw(std::string_view text) { word_ += text; }
  std::vector<std::string> take() {
    finish_word();
    return std::move(words_);
  }

 private:
  void finish_word() {
    if (word_.empty()) return;
    words_.push_back(std::move(word_));
    word_.clear();
  }
  std::string word_;
  std::vector<std::string> words_;
};

// One pass over the word, descending for each ${…}. Every function leaves position_ behind what it consumed.
class Expander {
 public:
  Expander(std::string_view word, const Lookup& lookup, const ExpandOptions& options)
      : word_(word), lookup_(lookup), options_(options), limit_(kMaxExpandedBytes + word.size()) {}

  Result<Expansion> run() {
    ASSIGN_OR_RETURN(auto part, part_until(kEnd, options_.raw_escapes, true));
    result_.text = std::move(part.text);
    result_.words = std::move(part.words);
    return std::move(result_);
  }

 private:
  static constexpr char32_t kEnd = 0xFFFFFFFF;

  struct Part {
    std::string text;
    std::vector<std::string> words;
  };

  [[nodiscard]] Rune peek() const { return rune_at(word_, position_); }
  [[nodiscard]] bool at_end() const { return position_ >= word_.size(); }
  std::string_view next() {
    const std::string_view bytes = word_.substr(position_, static_cast<std::size_t>(peek().width));
    position_ += bytes.size();
    return bytes;
  }

  Status check_size(std::size_t bytes) const {
    if (bytes <= limit_) return {};
    return fail(
        syntax_error(fmt::format("the expanded text is longer than {} KiB", kMaxExpandedBytes / 1024)));
  }

  // Text up to `stop`, which is consumed, or to the end when stop is kEnd.
  Result<Part> part_until(char32_t stop, bool raw_escapes, bool want_words) {
    if (++depth_ > kMaxExpansionDepth) {
      return fail(syntax_error(fmt::format("substitutions are nested deeper than {}", kMaxExpansionDepth)));
    }
    std::string text;
    WordList words;
    while (!at_end()) {
      const Rune rune = peek();
      if (rune.value == stop) {
        next();
        --depth_;
        return Part{std::move(text), words.take()};
      }
      if (rune.value == '$') {
        ASSIGN_OR_RETURN(const std::string value, dollar());
        text += value;
        if (want_words) words.add_splitting(value);
      } else if (!options_.ignore_quotes && (rune.value == '\'' || rune.value == '"')) {
        ASSIGN_OR_RETURN(const std::string quoted,
                         rune.value == '"' ? double_quoted(raw_escapes) : single_quoted());
        text += quoted;
        if (want_words) words.add_raw(quoted);
      } else {
        plain(raw_escapes, text, words);
      }
      RETURN_IF_ERROR(check_size(text.size()));
    }
    --depth_;
    if (stop != kEnd) {
      return fail(syntax_error(
          fmt::format("unexpected end of statement while looking for matching {}", static_cast<char>(stop))));
    }
    return Part{std::move(text), words.take()};
  }

  void plain(bool raw_escapes, std::string& text, WordList& words) {
    const Rune rune = peek();
    const std::string_view bytes = next();
    if (rune.value != static_cast<char32_t>(options_.escape)) {
      text += bytes;
      words.add(bytes, rune.value);
      return;
    }
    if (raw_escapes) {
      text += bytes;
      words.add_raw(bytes);
    }
    const std::string_view escaped = next();  // empty at the end of the word: a lone escape there is dropped
    text += escaped;
    words.add_raw(escaped);
  }

  Result<std::string> single_quoted() {
    const std::size_t start = position_;
    const std::size_t end = word_.find('\'', start + 1);
    if (end == std::string_view::npos) {
      position_ = word_.size();
      return fail(syntax_error("unexpected end of statement while looking for matching single-quote"));
    }
    position_ = end + 1;
    return std::string(options_.raw_quotes ? word_.substr(start, end + 1 - start)
                                           : word_.substr(start + 1, end - start - 1));
  }

  Result<std::string> double_quoted(bool raw_escapes) {
    std::string text;
    const std::string_view opening = next();
    if (options_.raw_quotes) text += opening;
    for (;;) {
      const Rune rune = peek();
      if (rune.width == 0) {
        return fail(syntax_error("unexpected end of statement while looking for matching double-quote"));
      }
      if (rune.value == '"') {
        const std::string_view closing = next();
        if (options_.raw_quotes) text += closing;
        return text;
      }
      if (rune.value == '$') {
        // Inside of quotes only the parts of ${…#…} keep escapes, and they say so themselves.
        ASSIGN_OR_RETURN(const std::string value, dollar());
        text += value;
      } else {
        std::string_view bytes = next();
        if (rune.value == static_cast<char32_t>(options_.escape)) {
          if (raw_escapes) text += bytes;
          const Rune escaped = peek();
          if (escaped.width == 0) continue;
          if (escaped.value == '"' || escaped.value == '$' || escaped.value == rune.value) bytes = next();
        }
        text += bytes;
      }
      RETURN_IF_ERROR(check_size(text.size()));
    }
  }

  Result<std::string> dollar() {
    next();
    if (peek().value != '{') {
      const std::string_view name = variable_name();
      if (name.empty()) return std::string("$");
      const auto value = get(name, true);
      if (!value && options_.keep_unset) return fmt::format("${}", name);
      return std::string(value.value_or(std::string_view{}));
    }
    next();
    const Rune first = peek();
    if (first.width == 0) return fail(syntax_error("syntax error: missing '}'"));
    if (first.value == '{' || first.value == '}' || first.value == ':') {
      return fail(syntax_error("syntax error: bad substitution"));
    }
    const std::string_view name = variable_name();
    const Rune modifier = peek();
    const std::string_view modifier_text = next();
    switch (modifier.value) {
      case '}': {
        const auto value = get(name, true);
        if (!value && options_.keep_unset) return fmt::format("${{{}}}", name);
        return std::string(value.value_or(std::string_view{}));
      }
      case '/':
        return replacement(name);
      case ':':
      case '+':
      case '-':
      case '?':
      case '#':
      case '%':
        return modified(name, modifier.value, modifier_text);
      default:
        if (modifier.width == 0) return fail(syntax_error("syntax error: missing '}'"));
        return fail(syntax_error(fmt::format("unsupported modifier ({}) in substitution", modifier_text)));
    }
  }

  // Adds what a missing '}' or '/' really means to an error of a part that ran to the end of the word.
  Error at_end_means(Error error, std::string_view meaning) const {
    return at_end() ? syntax_error(std::string(meaning)) : std::move(error);
  }

  // ${name-word} and its relatives, behind the modifier.
  Result<std::string> modified(std::string_view name, char32_t modifier, std::string_view modifier_text) {
    std::string modifiers(modifier_text);
    const bool empty_is_unset = modifier == ':';
    if (empty_is_unset) {
      modifier = peek().value;
      modifiers += next();
    }
    const bool trims = modifier == '#' || modifier == '%';
    auto part = part_until('}', trims, false);
    if (!part) return fail(at_end_means(std::move(part.error()), "syntax error: missing '}'"));
    std::string word = std::move(part->text);
    const auto value = get(name, trims);
    if (!value && options_.keep_unset) return fmt::format("${{{}{}{}}}", name, modifiers, word);
    const bool usable = value && !(empty_is_unset && value->empty());
    switch (modifier) {
      case '-':
        return usable ? std::string(*value) : std::move(word);
      case '+':
        return usable ? std::move(word) : std::string();
      case '?':
        if (usable) return std::string(*value);
        if (word.empty()) word = fmt::format("is not allowed to be {}", value ? "empty" : "unset");
        return fail(syntax_error(fmt::format("{}: {}", name, word)));
      case '#':
      case '%':
        if (!empty_is_unset) return trimmed(value.value_or(std::string_view{}), modifier, word);
        modifiers = fmt::format(":{}", static_cast<char>(modifier));
        [[fallthrough]];
      default:
        return fail(syntax_error(fmt::format("unsupported modifier ({}) in substitution", modifiers)));
    }
  }

  static Result<std::string> trimmed(std::string_view value, char32_t modifier, std::string_view word) {
    const bool longest = !word.empty() && static_cast<char32_t>(word.front()) == modifier;
    if (longest) word.remove_prefix(1);
    ASSIGN_OR_RETURN(const auto pattern, SubstitutionPattern::parse(word));
    return modifier == '#' ? pattern.trim_prefix(value, longest) : pattern.trim_suffix(value, longest);
  }

  // ${name/pattern/text} and ${name//pattern/text}, behind the first '/'.
  Result<std::string> replacement(std::string_view name) {
    const bool all = peek().value == '/';
    if (all) next();
    auto pattern_part = part_until('/', true, false);
    if (!pattern_part) {
      return fail(at_end_means(std::move(pattern_part.error()), "syntax error: missing '/' in ${}"));
    }
    auto text_part = part_until('}', true, false);
    if (!text_part) return fail(at_end_means(std::move(text_part.error()), "syntax error: missing '}'"));
    const auto value = get(name, true);
    if (!value && options_.keep_unset)
      return fmt::format("${{{}/{}/{}}}", name, pattern_part->text, text_part->text);
    ASSIGN_OR_RETURN(const auto pattern, SubstitutionPattern::parse(pattern_part->text));
    std::string text = pattern.replace(value.value_or(std::string_view{}), text_part->text, all, limit_);
    RETURN_IF_ERROR(check_size(text.size()));
    return text;
  }

  std::string_view variable_name() {
    const std::size_t start = position_;
    const char32_t first = peek().value;
    if (first >= '0' && first <= '9') {  // a positional parameter
      while (peek().width != 0 && peek().value >= '0' && peek().value <= '9') next();
    } else if (first != 0 && std::u32string_view(U"@*#?-$!").find(first) != std::u32string_view::npos) {
      next();  // a special parameter
    } else {
      while (peek().width != 0 && is_name_rune(peek().value)) next();
    }
    return word_.substr(start, position_ - start);
  }

  // `needed`: an unset variable is worth a remark; with a default it is not.
  std::optional<std::string_view> get(std::string_view name, bool needed) {
    const auto value = lookup_(name);
    if (value && used_.insert(name).second) result_.used_names.emplace_back(name);
    if (!value && needed && unset_.insert(name).second) result_.unset_names.emplace_back(name);
    return value;
  }

  std::string_view word_;
  const Lookup& lookup_;
  const ExpandOptions& options_;
  std::size_t limit_;
  std::size_t position_ = 0;
  int depth_ = 0;
  std::unordered_set<std::string_view> used_;
  std::unordered_set<std::string_view> unset_;
  Expansion result_;
};

// Of a word in a message; a heredoc's body would fill the screen.
constexpr std::size_t kMaxQuotedBytes = 200;

}  // namespace

Lookup lookup_in(const std::vector<std::string>& env) {
  return [&env](std::string_view name) -> std::optional<std::string_view> {
    for (auto entry = env.rbegin(); entry != env.rend(); ++entry) {
      const std::string_view text = *entry;
      const std::size_t equals = text.find('=');
      if (text.substr(0, equals) != name) continue;
      return equals == std::string_view::npos ? std::string_view{} : text.substr(equals + 1);
    }
    return std::nullopt;
  };
}

Result<Expansion> expand_word(std::string_view word, const Lookup& lookup, const ExpandOptions& options) {
  auto result = Expander(word, lookup, options).run();
  if (result) return result;
  const std::string shown =
      word.size() > kMaxQuotedBytes ? quote(word.substr(0, kMaxQuotedBytes)) + "…" : quote(word);
  return fail(syntax_error(fmt::format("failed to process {}: {}", shown, result.error().message())));
}

Result<std::string> expand(std::string_view word, const Lookup& lookup, const ExpandOptions& options) {
  ASSIGN_OR_RETURN(auto expansion, expand_word(word, lookup, options));
  return std::move(expansion.text);
}

}  // namespace shale::dockerfile
