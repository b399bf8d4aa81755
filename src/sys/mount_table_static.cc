// SPDX-License-Identifier: Apache-2.0
// parse_mount_table() without libmount, of which Debian has no static form: for programs that run anywhere.
#include <array>
#include <charconv>

#include "sys/mount_table.h"

namespace shale::sys {

namespace {

// The text up to the separator, which is taken away together with it.
std::string_view next_field(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view field = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return field;
}

// The kernel writes space, tab, newline and backslash as a backslash and three octal digits.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int value = 0;
    const char* digits = text.data() + i + 1;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(digits, digits + 3, value, 8).ptr == digits + 3) {
      out += static_cast<char>(value);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

// "36 35 98:0 /root /target rw,noatime master:1 - type source options"
MountTable parse_mount_table(std::string_view mountinfo) {
  MountTable mounts;
  while (!mountinfo.empty()) {
    std::string_view line = next_field(mountinfo, '\n');
    std::array<std::string_view, 6> before;
    for (std::string_view& field : before) field = next_field(line, ' ');
    std::string_view optional = "?";
    while (!line.empty() && optional != "-") optional = next_field(line, ' ');
    const std::string_view type = next_field(line, ' ');
    (void)next_field(line, ' ');  // the source
    if (optional == "-" && !line.empty())
      mounts.push_back({.target = unescape(before[4]),
                        .root = unescape(before[3]),
                        .type = std::string(type),
                        .options = std::string(line)});
  }
  return mounts;
}

}  // namespace shale::sys
