// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/ignore.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <iterator>
#include <optional>
#include <utility>

#include "base/path.h"
#include "dockerfile/glob.h"
#include "dockerfile/glob_items.h"
#include "dockerfile/runes.h"

namespace shale::dockerfile {

namespace {

// Go's path/filepath.Clean.
std::string clean(std::string_view path) {
  if (path.empty()) return ".";
  const bool rooted = path.front() == '/';
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (!rooted) {
      parts.push_back(part);
    }
  }
  std::string result = rooted ? "/" : "";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) result += '/';
    result += parts[i];
  }
  return result.empty() ? "." : result;
}

// Sets of positions in a pattern. Nearly all patterns fit into the small one, which needs no memory: a walk
// asks every pattern about every file.
class SmallSet {
 public:
  static constexpr std::size_t kMaxPositions = 64;
  explicit SmallSet(std::size_t /*positions*/) {}
  bool add(std::size_t position) {
    const std::uint64_t bit = std::uint64_t{1} << position;
    const bool is_new = (bits_ & bit) == 0;
    bits_ |= bit;
    return is_new;
  }
  [[nodiscard]] bool has(std::size_t position) const { return ((bits_ >> position) & 1U) != 0; }
  [[nodiscard]] bool empty() const { return bits_ == 0; }
  void clear() { bits_ = 0; }
  template <typename Function>
  void for_each(Function function) const {
    for (std::uint64_t rest = bits_; rest != 0; rest &= rest - 1) {
      function(static_cast<std::size_t>(std::countr_zero(rest)));
    }
  }

 private:
  std::uint64_t bits_ = 0;
};

class LargeSet {
 public:
  explicit LargeSet(std::size_t positions) : member_(positions) {}
  bool add(std::size_t position) {
    if (member_[position]) return false;
    member_[position] = true;
    list_.push_back(position);
    return true;
  }
  [[nodiscard]] bool has(std::size_t position) const { return member_[position]; }
  [[nodiscard]] bool empty() const { return list_.empty(); }
  void clear() {
    for (const std::size_t position : list_) member_[position] = false;
    list_.clear();
  }
  template <typename Function>
  void for_each(Function function) const {
    for (const std::size_t position : list_) function(position);
  }

 private:
  std::vector<bool> member_;
  std::vector<std::size_t> list_;
};

bool may_be_empty(const GlobItem& item) {
  return item.kind == GlobItem::Kind::kStar || item.kind == GlobItem::Kind::kAnything ||
         item.kind == GlobItem::Kind::kDirectories;
}

// All ways to match `path` at once: one pass over it, whatever the pattern is. True when `items` matches all
// of it (kWhole), or when it could match something that begins with it (kBeginning).
enum class Question { kWhole, kBeginning };
template <typename Set>
bool simulate(const std::vector<GlobItem>& items, std::string_view path, Question question) {
  Set now(items.size() + 1);
  Set next(items.size() + 1);
  Set entered(items.size() + 1);
  // Where an item is entered it may also be empty. (A kDirectories that has begun to read is no longer empty:
  // it can only be left behind a '/'.)
  const auto enter = [&](Set& set, std::size_t position) {
    while (entered.add(position)) {
      set.add(position);
      if (position == items.size() || !may_be_empty(items[position])) break;
      ++position;
    }
  };
  enter(now, 0);
  for (std::size_t at = 0; at < path.size() && !now.empty();) {
    const Rune rune = rune_at(path, at);
    at += static_cast<std::size_t>(rune.width);
    next.clear();
    entered.clear();
    now.for_each([&](std::size_t position) {
      if (position == items.size() || !takes(items[position], rune.value)) return;
      const GlobItem& item = items[position];
      if (!may_be_empty(item)) return enter(next, position + 1);
      next.add(position);
      if (item.kind != GlobItem::Kind::kDirectories || rune.value == '/') enter(next, position + 1);
    });
    std::swap(now, next);
  }
  return question == Question::kBeginning ? !now.empty() : now.has(items.size());
}

bool matches_items(const std::vector<GlobItem>& items, std::string_view path, Question question) {
  return items.size() < SmallSet::kMaxPositions ? simulate<SmallSet>(items, path, question)
                                                : simulate<LargeSet>(items, path, question);
}

bool is_special(char c) { return c == '*' || c == '?' || c == '[' || c == '\\'; }

std::unexpected<Error> pattern_error(std::string message) {
  return fail(ErrorKind::kDockerfile, std::move(message));
}

}  // namespace

struct IgnoreMatcher::Pattern {
  enum class Kind { kLiteral, kSuffix, kItems } kind = Kind::kItems;
  std::string text;  // cleaned, without '!'
  bool exception = false;
  std::vector<GlobItem> items;  // asked when kItems
  std::string head;             // kLiteral: the path; kItems: what every matching path starts with
  std::string tail;             // kSuffix, kItems: what every matching path ends with

  Pattern(std::string_view cleaned, bool is_exception, std::vector<GlobItem> compiled)
      : text(cleaned), exception(is_exception), items(std::move(compiled)) {
    const auto first = std::ranges::find_if(text, is_special);
    const auto last = std::find_if(text.rbegin(), text.rend(), is_special).base();
    if (first == text.end()) {
      kind = Kind::kLiteral;
      head = text;
      return;
    }
    // "**x" with nothing special in x is any path that ends with x, also in the middle of a name: that is
    // what moby/patternmatcher makes of it.
    if (text.starts_with("**") && last == text.begin() + 2) {
      kind = Kind::kSuffix;
      tail = text.substr(2);
      return;
    }
    head.assign(text.begin(), first);
    // Behind a class or an escape the end is not plain; behind "**/" the '/' may be missing.
    if (text.find_first_of("[\\") == std::string::npos) {
      tail.assign(last, text.end());
      if (tail.starts_with('/')) tail.erase(0, 1);
    }
  }

  // Whether `path` itself matches.
  [[nodiscard]] bool matches(std::string_view path) const {
    switch (kind) {
      case Kind::kLiteral:
        return path == head;
      case Kind::kSuffix:
        return path.ends_with(tail) || (tail.starts_with('/') && path == std::string_view(tail).substr(1));
      case Kind::kItems:
        return path.starts_with(head) && path.ends_with(tail) && matches_items(items, path, Question::kWhole);
    }
    return false;
  }

  // Whether a path that starts with `beginning` can match.
  [[nodiscard]] bool can_match_below(std::string_view beginning) const {
    switch (kind) {
      case Kind::kLiteral:
        return head.starts_with(beginning);
      case Kind::kSuffix:
        return true;
      case Kind::kItems:
        return matches_items(items, beginning, Question::kBeginning);
    }
    return true;
  }

  [[nodiscard]] bool matches_or_parent_matches(std::string_view path) const {
    if (matches(path)) return true;
    for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
         slash = path.find('/', slash + 1)) {
      if (matches(path.substr(0, slash))) return true;
    }
    return false;
  }
};

Result<IgnoreMatcher> IgnoreMatcher::from_patterns(const std::vector<std::string>& patterns) {
  IgnoreMatcher result;
  for (const std::string& given : patterns) {
    std::string_view text = trim(given);
    if (text.empty()) continue;
    std::string cleaned = clean(text);
    const bool exception = cleaned.front() == '!';
    if (exception) cleaned.erase(0, 1);
    if (cleaned.empty()) return pattern_error("illegal exclusion pattern: \"!\"");
    std::optional<std::vector<GlobItem>> items = compile_glob(cleaned, DoubleStar::kCrossesDirectories);
    if (!items) return pattern_error(fmt::format("syntax error in pattern {}", quote(cleaned)));
    result.has_exceptions_ = result.has_exceptions_ || exception;
    result.patterns_.push_back(std::make_shared<const Pattern>(cleaned, exception, std::move(*items)));
  }
  return result;
}

Result<IgnoreMatcher> IgnoreMatcher::parse(std::string_view text, std::string_view file_name) {
  IgnoreMatcher result;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  int number = 0;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    std::string_view line = text.substr(start, end - start);
    start = end + 1;
    ++number;
    if (line.starts_with('#')) continue;
    line = trim(line);
    if (line.empty()) continue;
    const bool exception = line.front() == '!';
    if (exception) line = trim(line.substr(1));
    std::string pattern = line.empty() ? std::string() : clean(line);
    if (pattern.size() > 1 && pattern.front() == '/') pattern.erase(0, 1);
    auto parsed = from_patterns({exception ? "!" + pattern : std::move(pattern)});
    if (!parsed) {
      return fail(std::move(parsed.error()).at({.file = std::string(file_name), .line = number}));
    }
    std::ranges::move(parsed->patterns_, std::back_inserter(result.patterns_));
    result.has_exceptions_ = result.has_exceptions_ || parsed->has_exceptions_;
  }
  return result;
}

bool IgnoreMatcher::matches(std::string_view path) const {
  State state;
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    State below;
    (void)visit(path.substr(0, slash), state, &below);
    state = std::move(below);
  }
  return visit(path, state, nullptr).ignored;
}

IgnoreMatcher::Verdict IgnoreMatcher::visit(std::string_view path, const State& parent, State* state) const {
  Verdict verdict;
  const bool parent_known = parent.matched.size() == patterns_.size();
  std::vector<std::uint8_t> matched(state != nullptr ? patterns_.size() : 0);
  std::size_t deciding = 0;  // the last pattern that matches
  for (std::size_t i = 0; i < patterns_.size(); ++i) {
    const Pattern& pattern = *patterns_[i];
    bool match = parent_known && parent.matched[i] != 0;
    // A pattern that cannot change the verdict here is not tried, and so holds for nothing below: "src/gen"
    // and then "!src" leave src/gen ignored, as nothing of src was ignored where "!src" could match.
    if (!match && pattern.exception == verdict.ignored) {
      match = parent_known ? pattern.matches(path) : pattern.matches_or_parent_matches(path);
    }
    if (state != nullptr) matched[i] = match ? 1 : 0;
    if (!match) continue;
    verdict.ignored = !pattern.exception;
    deciding = i;
  }
  if (state == nullptr) return verdict;
  verdict.prune = verdict.ignored;
  if (verdict.prune && has_exceptions_) {
    // Only an exception further down the list than the pattern that matches the whole directory can bring
    // back what lies below.
    const std::string below = std::string(path) + '/';
    for (std::size_t i = deciding + 1; i < patterns_.size() && verdict.prune; ++i) {
      if (patterns_[i]->exception && patterns_[i]->can_match_below(below)) verdict.prune = false;
    }
  }
  state->matched = std::move(matched);
  return verdict;
}

namespace {

// What a path or pattern says before its first component with a wildcard.
std::string plain_start(std::string_view text) {
  while (!text.empty() && has_wildcards(text)) {
    const std::size_t slash = text.find_last_of('/');
    text = text.substr(0, slash == std::string_view::npos ? 0 : slash);
  }
  return remove_escapes(text);
}

}  // namespace

bool IgnoreMatcher::may_bring_back(std::string_view path) const {
  const std::string source = plain_start(path);
  return std::ranges::any_of(patterns_, [&](const auto& pattern) {
    if (!pattern->exception) return false;
    const std::string start = plain_start(pattern->text);
    return lies_in(start, source) || (has_wildcards(pattern->text) && lies_in(source, start));
  });
}

bool IgnoreMatcher::ignores_root() const {
  return std::ranges::any_of(patterns_, [](const auto& pattern) {
    return !pattern->exception && (pattern->text == "*" || pattern->text == "**" || pattern->text == "**/*");
  });
}

std::vector<std::string> IgnoreMatcher::patterns() const {
  std::vector<std::string> result;
  for (const auto& pattern : patterns_) result.push_back((pattern->exception ? "!" : "") + pattern->text);
  return result;
}

}  // namespace shale::dockerfile
