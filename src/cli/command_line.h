// SPDX-License-Identifier: Apache-2.0
// CommandLine: the words of a command line, recognised against the option table.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/options.h"
#include "shale/error.h"

namespace shale::cli {

struct CommandLine {
  const CommandSpec* command = nullptr;  // nullptr: none was named
  std::vector<std::string> arguments;    // what is neither option nor command
  // Long name → values in the order given. A flag's values are "true" or what followed "=".
  std::map<std::string, std::vector<std::string>, std::less<>> values;

  [[nodiscard]] bool has(std::string_view name) const { return values.find(name) != values.end(); }
  // The last value given, else "".
  [[nodiscard]] std::string value(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const;
  // Whether the flag is on. Its values were checked when the line was parsed.
  [[nodiscard]] bool flag(std::string_view name) const;
  // One sentence for each given option that has no effect.
  [[nodiscard]] std::vector<std::string> notes() const;
};

// `given` is argv[1…]. Options may stand anywhere after the command; "--" ends them. "image ls" and its
// siblings are the commands they abbreviate. An unknown word comes back with the nearest known one as a hint.
// When --help or
// --version is given, missing arguments are no error.
Result<CommandLine> parse_command_line(std::span<const std::string> given);

}  // namespace shale::cli
