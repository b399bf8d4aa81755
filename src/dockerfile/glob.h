// SPDX-License-Identifier: Apache-2.0
// Glob: Go's filepath.Match, which COPY and ADD sources follow.
#pragma once

#include <string>
#include <string_view>

#include "shale/error.h"

namespace shale::dockerfile {

// True when the whole of `name` matches `pattern`: '*' any run without '/', '?' one character, [a-z] [^a-z]
// classes,
// '\x' the character x. An error for a malformed pattern, found whether or not the name reaches the malformed
// part. Works on UTF-8 characters. Time at most pattern × name.
Result<bool> glob_match(std::string_view pattern, std::string_view name);

// A COPY source that is a pattern: holds '*', '?' or '[' (behind '\' they do not count).
bool has_wildcards(std::string_view pattern);

// The path a source without wildcards stands for: "\x" becomes x.
std::string remove_escapes(std::string_view pattern);

// The source that stands for exactly this path, whatever characters it has.
std::string escaped(std::string_view path);

}  // namespace shale::dockerfile
