// SPDX-License-Identifier: Apache-2.0
// The table of commands and options. Parsing, --help and the check of the man pages all read it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shale::cli {

enum class OptionKind : std::uint8_t {
  kFlag,      // --no-cache, --no-cache=false
  kOptional,  // --pull, --pull=always: a value only after "="
  kValue,     // the last one given counts
  kList,      // every one given counts
};

struct OptionSpec {
  const char* name;  // without the dashes
  char letter;       // the short form, or 0
  OptionKind kind;
  const char* placeholder;  // how --help calls the value; "" for flags
  const char* help;
  // Why the option has no effect here. Such options are accepted with a note, so that command lines written
  // for docker or buildah run as they are.
  const char* ignored = nullptr;
};

struct CommandSpec {
  const char* name;
  const char* usage;  // what follows "shale NAME"
  const char* summary;
  const char* aliases;  // as --help shows them, or ""
  std::span<const OptionSpec> options;
  int min_arguments;
  int max_arguments;  // -1 = any number
  const char* page;   // the man page that documents it
};

// All commands, in the order in which `shale --help` lists them.
std::span<const CommandSpec> commands();
// Options that every command takes, before or after its name.
std::span<const OptionSpec> global_options();
// nullptr if there is none of that name.
const CommandSpec* find_command(std::string_view name);
// Names of a command's options and the global ones, with their dashes; for suggestions.
std::vector<std::string> option_names(const CommandSpec& command);

// The text of --help, in docker's layout, for `width` columns.
std::string command_help(const CommandSpec& command, int width);
std::string general_help(int width);

}  // namespace shale::cli
