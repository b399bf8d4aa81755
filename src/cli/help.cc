// SPDX-License-Identifier: Apache-2.0
// The text of --help, laid out as docker's, from the option table.
#include <fmt/format.h>

#include <algorithm>

#include "cli/options.h"

namespace shale::cli {

namespace {

struct Entry {
  std::string left;
  std::string right;
};

// Two columns; the right one is wrapped at words.
void append_columns(std::string& out, const std::vector<Entry>& entries, int width) {
  std::size_t left_width = 0;
  for (const Entry& entry : entries) left_width = std::max(left_width, entry.left.size());
  const std::size_t indent = left_width + 3;
  constexpr std::size_t kNarrowest = 20;  // a right column thinner than this reads worse than a long line
  const std::size_t total = static_cast<std::size_t>(std::max(width, 40));
  const std::size_t room = total > indent + kNarrowest ? total - indent : kNarrowest;
  for (const Entry& entry : entries) {
    out += fmt::format("{:<{}}", entry.left, indent);
    std::size_t column = 0;
    std::string_view rest = entry.right;
    while (!rest.empty()) {
      const std::size_t space = std::min(rest.find(' '), rest.size());
      if (column > 0 && column + 1 + space > room) {
        out += fmt::format("\n{:<{}}", "", indent);
        column = 0;
      }
      if (column > 0) {
        out += ' ';
        ++column;
      }
      out += rest.substr(0, space);
      column += space;
      rest.remove_prefix(std::min(space + 1, rest.size()));
    }
    out += '\n';
  }
}

Entry option_entry(const OptionSpec& option) {
  std::string left = option.letter != 0 ? fmt::format("  -{}, --{}", option.letter, option.name)
                                        : fmt::format("      --{}", option.name);
  if (option.kind == OptionKind::kOptional)
    left += fmt::format("[={}]", option.placeholder);
  else if (option.placeholder[0] != 0)
    left += fmt::format(" {}", option.placeholder);
  return {left, option.help};
}

void append_options(std::string& out, std::string_view title, std::span<const OptionSpec> options,
                    int width) {
  std::vector<Entry> entries;
  for (const OptionSpec& option : options)
    if (option.ignored == nullptr) entries.push_back(option_entry(option));
  if (entries.empty()) return;
  out += fmt::format("\n{}:\n", title);
  append_columns(out, entries, width);
}

}  // namespace

std::string command_help(const CommandSpec& command, int width) {
  const std::string gap = command.usage[0] != 0 ? " " : "";
  std::string out =
      fmt::format("Usage:  shale {}{}{}\n\n{}\n", command.name, gap, command.usage, command.summary);
  if (command.aliases[0] != 0) out += fmt::format("\nAliases:\n  {}\n", command.aliases);
  append_options(out, "Options", command.options, width);
  append_options(out, "Global Options", global_options(), width);

  std::string ignored;
  for (const OptionSpec& option : command.options)
    if (option.ignored != nullptr) ignored += fmt::format("{}--{}", ignored.empty() ? "" : " ", option.name);
  if (!ignored.empty()) {
    out += "\nAccepted without effect:\n";
    append_columns(out, {{"", ignored}}, width);
  }
  return out;
}

std::string general_help(int width) {
  std::string out =
      "Usage:  shale [OPTIONS] COMMAND\n\nBuilds container images from Dockerfiles, without a daemon and "
      "without root\n"
      "\nCommands:\n";
  std::vector<Entry> entries;
  for (const CommandSpec& command : commands())
    entries.push_back({fmt::format("  {}", command.name), command.summary});
  append_columns(out, entries, width);
  append_options(out, "Global Options", global_options(), width);
  out += "\nRun 'shale COMMAND --help' for more information on a command.\n";
  return out;
}

}  // namespace shale::cli
