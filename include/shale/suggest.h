// SPDX-License-Identifier: Apache-2.0
// "Did you mean …?": the nearest of some known words.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "shale/error.h"

namespace shale {

// The candidate with the smallest edit distance to `word` (case-insensitive), or "" when none is nearer than
// about a third of the word's length.
std::string suggest(std::string_view word, std::span<const std::string> candidates);

// Adds it to the error as "did you mean 'X'?"; false when there is none.
bool hint_nearest(Error& error, std::string_view word, std::span<const std::string> candidates);

}  // namespace shale
