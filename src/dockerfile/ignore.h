// SPDX-License-Identifier: Apache-2.0
// IgnoreMatcher: the patterns of .dockerignore and of COPY --exclude.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shale/error.h"

namespace shale::dockerfile {

// An ordered list of patterns, the last that matches decides; '!' in front re-includes. A pattern that
// decides about a directory decides about all below it. Paths are relative to the root, separated by '/', not
// starting with one. Immutable after parse: may be used by several threads.
class IgnoreMatcher {
 public:
  // What is known about a directory on the way down; pass it on to the entries of that directory.
  struct State {
    std::vector<std::uint8_t> matched;  // per pattern: it decided about this directory or one above it
  };
  struct Verdict {
    bool ignored = false;
    // Nothing below can be included either: a walk need not look. Only meaningful for a directory.
    bool prune = false;
  };

  // The text of a .dockerignore file: comments ('#' in the first column), blank lines, a BOM, "/x" and "x/"
  // forms.
  static Result<IgnoreMatcher> parse(std::string_view text, std::string_view file_name = ".dockerignore");
  // Patterns as given to COPY --exclude, one each.
  static Result<IgnoreMatcher> from_patterns(const std::vector<std::string>& patterns);

  [[nodiscard]] bool empty() const { return patterns_.empty(); }
  // True when there is a '!' pattern.
  [[nodiscard]] bool has_exceptions() const { return has_exceptions_; }

  // False when no '!' pattern can match `path` (perhaps a pattern) or anything below; "" is the root.
  [[nodiscard]] bool may_bring_back(std::string_view path) const;
  // True when a pattern is about everything in the root.
  [[nodiscard]] bool ignores_root() const;

  // Whether `path` is ignored, its parents considered.
  [[nodiscard]] bool matches(std::string_view path) const;

  // The same for a walk: `parent` is the state of the directory `path` lies in (a default State for the
  // root). `state` is null for what is no directory; else it receives that of `path` itself, and the verdict
  // says prune. An ignored directory that is not pruned exists in the context only if something below it
  // does.
  [[nodiscard]] Verdict visit(std::string_view path, const State& parent, State* state) const;

  // For cache keys: the patterns after cleaning, '!' included.
  [[nodiscard]] std::vector<std::string> patterns() const;

 private:
  struct Pattern;
  std::vector<std::shared_ptr<const Pattern>> patterns_;
  bool has_exceptions_ = false;
};

}  // namespace shale::dockerfile
