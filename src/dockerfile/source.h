// SPDX-License-Identifier: Apache-2.0
// Source text: numbered excerpts with a caret, and errors that carry them. Used wherever a place in a
// Dockerfile is shown.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shale/error.h"

namespace shale::dockerfile {

// The lines of `text` that `span` covers, one line more on either side, each with its number, the covered
// ones marked with '>' and the first of them underlined from span.column (when that is not 0). Long lines and
// long ranges are shortened; control characters are replaced. Empty when the span lies outside of the text.
// Ends without a newline.
std::string excerpt(std::string_view text, const SourceSpan& span);

// Where each line of a text starts, so that many excerpts of a long text cost no more than their own length.
class LineIndex {
 public:
  LineIndex() = default;
  explicit LineIndex(std::string_view text);
  // The offset of line `number` (from 1); npos when there are fewer.
  [[nodiscard]] std::size_t offset(int number) const;

 private:
  std::vector<std::size_t> offsets_;
};
std::string excerpt(std::string_view text, const LineIndex& index, const SourceSpan& span);
SourceSpan locate(std::string_view text, const LineIndex& index, const SourceSpan& span,
                  std::string_view word);

// Narrows `span` (a range of lines) to the first place in those lines where `word` stands; returns `span` as
// it is when the word is not there (it may be joined from several lines). Whole words are preferred to parts
// of words.
SourceSpan locate(std::string_view text, const SourceSpan& span, std::string_view word);

// An error of kind kDockerfile at `span`, with its excerpt.
Error error_at(std::string_view text, const SourceSpan& span, std::string message);

// " (did you mean x?)" is BuildKit's way to say it; ours is a hint. Adds "did you mean 'x'?" when
// `suggestion` is not empty.
Error&& with_suggestion(Error&& error, std::string_view suggestion);

}  // namespace shale::dockerfile
