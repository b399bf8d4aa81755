// SPDX-License-Identifier: Apache-2.0
// The small files of a control group: numbers, tables of numbers, lists of words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shale/error.h"

namespace shale::runtime {

// A file that is one number; nothing if it is missing or holds anything else ("max").
std::optional<std::uint64_t> read_number(int dir, const std::string& path);
// The number behind `key` in a file of lines "key number".
std::optional<std::uint64_t> read_entry(int dir, const std::string& path, std::string_view key);
// The words of a file, divided by white space; none if it is missing.
std::vector<std::string> read_words(int dir, const std::string& path);
// One write(2), as the kernel wants it.
Status write_value(int dir, const std::string& path, std::string_view value);

}  // namespace shale::runtime
