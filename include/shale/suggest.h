// SPDX-License-Identifier: Apache-2.0
// "Did you mean …?": the nearest of some known words.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace shale {

// The candidate with the smallest edit distance to `word` (case-insensitive), or "" when none is nearer than
// about a third of the word's length.
std::string suggest(std::string_view word, std::span<const std::string> candidates);

}  // namespace shale
