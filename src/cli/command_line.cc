// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <optional>

#include "cli/command_names.h"
#include "shale/suggest.h"

namespace shale::cli {

namespace {

bool takes_value(const OptionSpec& option) {
  return option.kind == OptionKind::kValue || option.kind == OptionKind::kList;
}

// As Go's strconv.ParseBool, which docker's flags go through.
std::optional<bool> parse_bool(std::string_view text) {
  for (const char* word : {"1", "t", "T", "true", "TRUE", "True"})
    if (text == word) return true;
  for (const char* word : {"0", "f", "F", "false", "FALSE", "False"})
    if (text == word) return false;
  return std::nullopt;
}

const OptionSpec* find_option(std::span<const OptionSpec> options, std::string_view word) {
  for (const OptionSpec& option : options) {
    if (word.size() == 2 && word[0] == '-' && option.letter != 0 && word[1] == option.letter) return &option;
    if (word.starts_with("--") && word.substr(2) == option.name) return &option;
  }
  return nullptr;
}

const OptionSpec* find_option(const CommandSpec* command, std::string_view word) {
  if (command != nullptr)
    if (const OptionSpec* option = find_option(command->options, word)) return option;
  return find_option(global_options(), word);
}

std::string see_help(const CommandSpec* command) {
  return command != nullptr ? fmt::format("see 'shale {} --help'", command->name) : "see 'shale --help'";
}

// Options of docker and podman that Shale has not, each with what to do instead.
struct AbsentOption {
  std::string_view command;  // "": of any
  std::string_view names;    // each with a blank behind it
  const char* remedy;
};
constexpr AbsentOption kAbsentOptions[] = {
    {"pull", "-a --all-tags ", "one image is pulled at a time: give each its tag"},
    {"push", "-a --all-tags ", "one image is pushed at a time: give each its tag"},
    {"push", "--platform ", "an image here is for one platform"},
    {"save", "--platform ", "an image here is for one platform"},
    {"rmi", "--platform ", "an image here is for one platform"},
    {"inspect", "--platform ", "an image here is for one platform"},
    {"history", "--platform ", "an image here is for one platform"},
    {"load", "--platform ", "what the archive holds is taken as it is"},
    {"import", "-m --message ", "an image's history is not annotated; --change 'LABEL note=…' keeps a text"},
    {"images", "--tree ", "an image here is for one platform, and has no children"},
    {"prune", "--keep-storage --max-used-space --min-free-space --reserved-space ",
     "prune goes by age, not by size: --filter until=24h"},
    {"build", "-v --volume ",
     "files of this machine come with --build-context NAME=DIRECTORY and RUN --mount=type=bind,from=NAME"},
    {"build", "--from ", "--build-context IMAGE=docker-image://OTHER puts another image in the place of one"},
    {"", "--tls-verify ", "SHALE_INSECURE_REGISTRIES=HOST[:PORT] names registries that may do without"},
    {"", "--creds --authfile ",
     "logins are those of docker and podman; REGISTRY_AUTH_FILE names another file"},
    {"", "--cert-dir ", "certificates are those in certs.d, see shale-pull(1)"},
    {"build", "--policy ", "what a build may fetch is not restricted by rules"},
};

Error unknown_option(const CommandSpec* command, std::string_view word) {
  const std::string_view name = word.substr(0, word.find('='));
  for (const AbsentOption& absent : kAbsentOptions)
    if (command != nullptr && (absent.command.empty() || command->name == absent.command) &&
        absent.names.find(std::string(name) + ' ') != std::string_view::npos)
      return Error(ErrorKind::kUsage,
                   fmt::format("there is no option '{}' of 'shale {}'", name, command->name))
          .hint(absent.remedy);
  std::vector<std::string> names;
  if (command != nullptr)
    names = option_names(*command);
  else
    for (const OptionSpec& option : global_options()) names.push_back(std::string("--") + option.name);
  Error error(ErrorKind::kUsage, command != nullptr
                                     ? fmt::format("unknown option '{}' of 'shale {}'", name, command->name)
                                     : fmt::format("unknown option '{}' before the command", name));
  if (name.starts_with("--")) hint_nearest(error, name, names);
  error.add_hint(see_help(command));
  return error;
}

// Takes the command's word (or two) out of `words`. What stands before it can only be global options.
Result<const CommandSpec*> take_command(std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word.size() > 1 && word[0] == '-') {
      const OptionSpec* option =
          find_option(global_options(), std::string_view(word).substr(0, word.find('=')));
      if (option == nullptr) return fail(unknown_option(nullptr, word));
      if (takes_value(*option) && word.find('=') == std::string::npos) ++i;
      continue;
    }
    ASSIGN_OR_RETURN(const NamedCommand named, name_command(std::span(words).subspan(i)));
    const auto at = words.begin() + static_cast<std::ptrdiff_t>(i);
    words.erase(at, at + static_cast<std::ptrdiff_t>(named.words));
    return named.command;
  }
  return nullptr;
}

// "--name=value" and "-n=value" of an option that takes a value become two words: CLI11 would take an empty
// value for a missing one, and "=value" for the value of "-n". Only complete options are looked at; what an
// option takes as its value is passed on as it is.
std::vector<std::string> split_values(const CommandSpec* command, const std::vector<std::string>& words) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      out.insert(out.end(), words.begin() + static_cast<std::ptrdiff_t>(i), words.end());
      break;
    }
    const std::size_t equals = word.starts_with('-') ? word.find('=') : std::string::npos;
    const OptionSpec* option = find_option(command, std::string_view(word).substr(0, equals));
    if (option != nullptr && takes_value(*option) && equals != std::string::npos) {
      out.push_back(word.substr(0, equals));
      out.push_back(word.substr(equals + 1));
      continue;
    }
    out.push_back(word);
    if (option != nullptr && takes_value(*option) && i + 1 < words.size()) out.push_back(words[++i]);
  }
  return out;
}

void declare(::CLI::App& app, const OptionSpec& option) {
  std::string names = fmt::format("--{}", option.name);
  if (option.letter != 0) names = fmt::format("-{},{}", option.letter, names);
  if (takes_value(option)) {
    // One word per occurrence, and never the "[a,b]" that CLI11 would take apart.
    app.add_option(names)->expected(1)->allow_extra_args(false)->multi_option_policy(
        ::CLI::MultiOptionPolicy::TakeAll);
  } else {
    app.add_flag(names)->multi_option_policy(::CLI::MultiOptionPolicy::TakeAll);
  }
}

Status check_flag_values(const CommandLine& line, std::span<const OptionSpec> options) {
  for (const OptionSpec& option : options) {
    if (option.kind != OptionKind::kFlag) continue;
    for (const std::string& value : line.list(option.name))
      if (!parse_bool(value))
        return fail(
            Error(ErrorKind::kUsage, fmt::format("'--{}={}' is neither true nor false", option.name, value))
                .hint(see_help(line.command)));
  }
  return {};
}

std::string count_of_arguments(int count) {
  return fmt::format("{} argument{}", count, count == 1 ? "" : "s");
}

Status check_argument_count(const CommandLine& line) {
  const CommandSpec& command = *line.command;
  const int count = static_cast<int>(line.arguments.size());
  std::string what;
  if (command.min_arguments == command.max_arguments && count != command.min_arguments)
    what = command.min_arguments == 0 ? "accepts no arguments"
                                      : fmt::format("requires {}", count_of_arguments(command.min_arguments));
  else if (count < command.min_arguments)
    what = fmt::format("requires at least {}", count_of_arguments(command.min_arguments));
  else if (command.max_arguments >= 0 && count > command.max_arguments)
    what = fmt::format("accepts at most {}", count_of_arguments(command.max_arguments));
  else
    return {};
  Error error(ErrorKind::kUsage, fmt::format("'shale {}' {}, {} given", command.name, what, count));
  error.add_hint(fmt::format("usage: shale {} {}", command.name, command.usage));
  return fail(std::move(error));
}

// CLI11 recognises the options of one command and the global ones; what it leaves over, in order, is the
// arguments.
Status recognise(CommandLine& line, const std::vector<std::string>& words) {
  std::span<const OptionSpec> own;
  if (line.command != nullptr) own = line.command->options;
  try {
    ::CLI::App app;
    app.set_help_flag();
    app.allow_extras();
    for (const OptionSpec& option : own) declare(app, option);
    for (const OptionSpec& option : global_options()) declare(app, option);
    std::vector<std::string> reversed = split_values(line.command, words);
    std::reverse(reversed.begin(), reversed.end());  // the order in which App::parse takes them
    app.parse(std::move(reversed));
    bool options_ended = false;
    for (const std::string& word : app.remaining()) {
      if (!options_ended && word == "--")
        options_ended = true;
      else if (!options_ended && word.size() > 1 && word[0] == '-')
        return fail(unknown_option(line.command, word));
      else
        line.arguments.push_back(word);
    }
    auto collect = [&](std::span<const OptionSpec> options) {
      for (const OptionSpec& option : options)
        if (const ::CLI::Option* found = app.get_option(fmt::format("--{}", option.name)); !found->empty())
          line.values[option.name] = found->results();
    };
    collect(own);
    collect(global_options());
  } catch (const ::CLI::ArgumentMismatch&) {
    // Only the last word can lack its value: every other option took the word after it.
    return fail(Error(ErrorKind::kUsage, fmt::format("option '{}' needs a value", words.back()))
                    .hint(see_help(line.command)));
  } catch (const ::CLI::Error& error) {
    return fail(
        Error(ErrorKind::kUsage, fmt::format("command line: {}", error.what())).hint(see_help(line.command)));
  }
  RETURN_IF_ERROR(check_flag_values(line, own));
  return check_flag_values(line, global_options());
}

}  // namespace

std::string CommandLine::value(std::string_view name) const {
  const auto found = values.find(name);
  return found == values.end() ? std::string() : found->second.back();
}

std::vector<std::string> CommandLine::list(std::string_view name) const {
  const auto found = values.find(name);
  return found == values.end() ? std::vector<std::string>() : found->second;
}

bool CommandLine::flag(std::string_view name) const {
  return has(name) && parse_bool(value(name)).value_or(false);
}

namespace {

// "--rm=false", "--provenance=false", "--attest type=sbom,disabled=true": what is done anyway.
bool asks_for_something(const CommandLine& line, const OptionSpec& option) {
  if (option.kind == OptionKind::kFlag) return line.flag(option.name);
  const std::vector<std::string> values = line.list(option.name);
  return std::ranges::any_of(values, [](const std::string& value) {
    return parse_bool(value).value_or(true) && value.find("disabled=true") == std::string::npos;
  });
}

}  // namespace

std::vector<std::string> CommandLine::notes() const {
  std::vector<std::string> lines;
  if (command == nullptr) return lines;
  for (const OptionSpec& option : command->options)
    if (option.ignored != nullptr && has(option.name) && asks_for_something(*this, option))
      lines.push_back(fmt::format("--{} has no effect: {}", option.name, option.ignored));
  return lines;
}

Result<CommandLine> parse_command_line(std::span<const std::string> given) {
  std::vector<std::string> words(given.begin(), given.end());
  // docker's, and only here: behind `build` it is podman's --volume.
  if (!words.empty() && words[0] == "-v") words[0] = "--version";
  CommandLine line;
  ASSIGN_OR_RETURN(line.command, take_command(words));
  RETURN_IF_ERROR(recognise(line, words));
  if (line.command != nullptr && !line.flag("help") && !line.flag("version"))
    RETURN_IF_ERROR(check_argument_count(line));
  return line;
}

}  // namespace shale::cli
