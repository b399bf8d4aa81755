// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/instructions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <optional>
#include <ranges>
#include <utility>

#include "base/suggest.h"
#include "dockerfile/flags.h"
#include "dockerfile/mistakes.h"
#include "dockerfile/mount.h"
#include "dockerfile/runes.h"
#include "dockerfile/source.h"
#include "dockerfile/values.h"
#include "dockerfile/words.h"

namespace shale::dockerfile {

namespace {

constexpr std::array kFromFlags = {FlagSpec{"platform"}};
constexpr std::array kRunFlags = {FlagSpec{"mount", FlagType::kList}, FlagSpec{"network"},
                                  FlagSpec{"security"}, FlagSpec{"device", FlagType::kList}};
constexpr std::array kCopyFlags = {FlagSpec{"from"},
                                   FlagSpec{"chown"},
                                   FlagSpec{"chmod"},
                                   FlagSpec{"link", FlagType::kBool},
                                   FlagSpec{"parents", FlagType::kBool},
                                   FlagSpec{"exclude", FlagType::kList}};
constexpr std::array kAddFlags = {FlagSpec{"chown"},
                                  FlagSpec{"chmod"},
                                  FlagSpec{"link", FlagType::kBool},
                                  FlagSpec{"keep-git-dir", FlagType::kBool},
                                  FlagSpec{"checksum"},
                                  FlagSpec{"unpack", FlagType::kBool},
                                  FlagSpec{"exclude", FlagType::kList}};
constexpr std::array kHealthcheckFlags = {FlagSpec{"interval"}, FlagSpec{"timeout"}, FlagSpec{"start-period"},
                                          FlagSpec{"start-interval"}, FlagSpec{"retries"}};

// Below it a check would be run without pause; docker's floor.
constexpr std::int64_t kMinimumIntervalNs = 1'000'000;

// The value of a description comment "# name text" among `comments`.
std::string description_in(const std::vector<std::string>& comments, std::string_view name) {
  if (name.empty()) return {};
  for (const std::string& line : comments) {
    if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ' ') {
      return line.substr(name.size() + 1);
    }
  }
  return {};
}

// Turns one node into its typed form. Each instruction's function returns its first error; the errors of
// flags, which are independent of each other, are reported together.
class TypedParser {
 public:
  TypedParser(const Node& node, std::string_view text)
      : node_(node), text_(text), name_(to_upper(node.keyword)) {}

  Result<InstructionBody> run() {
    using Function = Result<InstructionBody> (TypedParser::*)();
    static const std::array<std::pair<std::string_view, Function>, 18> kFunctions = {{
        {"ADD", &TypedParser::add},
        {"ARG", &TypedParser::arg},
        {"CMD", &TypedParser::cmd},
        {"COPY", &TypedParser::copy},
        {"ENTRYPOINT", &TypedParser::entrypoint},
        {"ENV", &TypedParser::env},
        {"EXPOSE", &TypedParser::expose},
        {"FROM", &TypedParser::from},
        {"HEALTHCHECK", &TypedParser::healthcheck},
        {"LABEL", &TypedParser::label},
        {"MAINTAINER", &TypedParser::maintainer},
        {"ONBUILD", &TypedParser::on_build},
        {"RUN", &TypedParser::run_command},
        {"SHELL", &TypedParser::shell},
        {"STOPSIGNAL", &TypedParser::stop_signal},
        {"USER", &TypedParser::user},
        {"VOLUME", &TypedParser::volume},
        {"WORKDIR", &TypedParser::workdir},
    }};
    const auto* const found =
        std::ranges::find(kFunctions, name_, &std::pair<std::string_view, Function>::first);
    if (found == kFunctions.end()) return fail(unknown_instruction());
    return (this->*found->second)();
  }

 private:
  [[nodiscard]] Error error(std::string message, std::string_view word = {}) const {
    return error_at(text_, locate(text_, node_.span, word), std::move(message));
  }
  [[nodiscard]] std::unexpected<Error> failure(std::string message, std::string_view word = {}) const {
    return fail(error(std::move(message), word));
  }
  // `inner` knows what is wrong but not where.
  [[nodiscard]] std::unexpected<Error> placed(Error inner, std::string_view word) const {
    const SourceSpan span = locate(text_, node_.span, word);
    inner.set_span(span);
    return fail(std::move(inner).with_excerpt(excerpt(text_, span)));
  }

  [[nodiscard]] Error unknown_instruction() const {
    Error result = error(fmt::format("unknown instruction: {}", node_.keyword_text), node_.keyword_text);
    if (std::string hint = hint_about_unknown(node_, text_); !hint.empty()) result.add_hint(std::move(hint));
    return result;
  }

  Result<Flags> flags(std::span<const FlagSpec> specs) {
    std::vector<FlagError> problems;
    Flags result = Flags::parse(node_.flags, specs, problems);
    if (problems.empty()) return result;
    std::optional<Error> errors;
    for (const FlagError& problem : problems) {
      Error one = with_suggestion(error(problem.message, problem.word), problem.suggestion);
      if (!problem.hint.empty()) one.add_hint(problem.hint);
      collect(errors, std::move(one));
    }
    return fail(std::move(*errors));
  }
  Status no_flags() {
    ASSIGN_OR_RETURN([[maybe_unused]] const Flags none, flags({}));
    return {};
  }

  Status need_one_or_more() const {
    if (node_.arguments.empty()) return failure(fmt::format("{} requires at least one argument", name_));
    return {};
  }
  // Of the instructions whose whole text is one argument.
  Result<std::string> only_argument() {
    if (node_.arguments.size() != 1) return failure(fmt::format("{} requires exactly one argument", name_));
    RETURN_IF_ERROR(no_flags());
    return node_.arguments.front();
  }

  [[nodiscard]] CommandLine command_line() const { return {node_.arguments, !node_.json}; }

  Result<std::vector<KeyValue>> key_values() {
    RETURN_IF_ERROR(no_flags());
    RETURN_IF_ERROR(need_one_or_more());
    std::vector<KeyValue> items;
    for (std::size_t i = 0; i + 2 < node_.arguments.size(); i += 3) {
      if (node_.arguments[i].empty()) return failure(fmt::format("{} names can not be blank", name_), "=");
      items.push_back({node_.arguments[i], node_.arguments[i + 1], node_.arguments[i + 2].empty()});
    }
    return items;
  }

  Result<InstructionBody> from() {
    const std::vector<std::string>& words = node_.arguments;
    const bool named = words.size() == 3 && equals_ignoring_case(words[1], "as");
    if (!named && words.size() != 1) {
      Error result = error("FROM requires either one or three arguments");
      result.add_hint(words.size() > 1 && words[1].starts_with('#')
                          ? "a comment stands on a line of its own"
                          : "write 'FROM image' or 'FROM image AS name'");
      return fail(std::move(result));
    }
    From body{.base = words[0]};
    if (named) {
      body.as_text = words[1];
      body.stage_name_text = words[2];
      body.stage_name = to_lower(words[2]);
      const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
      };
      if (body.stage_name.front() < 'a' || body.stage_name.front() > 'z' ||
          !std::ranges::all_of(body.stage_name, allowed)) {
        Error result = error(
            fmt::format("invalid name for build stage: {}, name can't start with a number or contain symbols",
                        quote(words[2])),
            words[2]);
        result.add_hint("a name begins with a letter; letters, digits, '-', '_' and '.' may follow");
        return fail(std::move(result));
      }
    }
    ASSIGN_OR_RETURN(const Flags given, flags(kFromFlags));
    body.platform = given.text("platform");
    return body;
  }

  Result<InstructionBody> run_command() {
    ASSIGN_OR_RETURN(const Flags given, flags(kRunFlags));
    Run body{.command = command_line(), .heredocs = node_.heredocs, .devices = given.list("device")};
    for (const std::string& text : given.list("mount")) {
      auto from = mount_from(text);
      if (!from) return placed(std::move(from.error()), text);
      body.mounts.push_back({text, std::move(*from)});
    }
    static const std::vector<std::string> kNetworks = {"default", "none", "host"};
    static const std::vector<std::string> kSecurities = {"sandbox", "insecure"};
    RETURN_IF_ERROR(choice(given, "network", kNetworks, body.network));
    RETURN_IF_ERROR(choice(given, "security", kSecurities, body.security));
    return body;
  }

  Status choice(const Flags& given, std::string_view flag, const std::vector<std::string>& allowed,
                std::string& value) const {
    if (!given.has(flag)) return {};
    value = to_lower(given.text(flag));
    if (std::ranges::find(allowed, value) != allowed.end()) return {};
    return fail(with_suggestion(
        error(fmt::format("invalid {} mode {} (one of {})", flag, quote(value), fmt::join(allowed, ", ")),
              fmt::format("--{}", flag)),
        suggest(value, allowed)));
  }

  Status read_sources(const Flags& given, Copy& body) {
    if (node_.arguments.size() < 2) {
      Error result = error(fmt::format(
          "{} requires at least two arguments, but only one was provided. Destination could not be "
          "determined",
          name_));
      result.add_hint(node_.arguments.empty() ? fmt::format("write '{} SOURCE... DESTINATION'", name_)
                                              : fmt::format("write '{} {} .' to keep the name in WORKDIR",
                                                            name_, node_.arguments.front()));
      return fail(std::move(result));
    }
    body.destination = node_.arguments.back();
    ASSIGN_OR_RETURN(const auto bad_destination, heredoc(body.destination));
    if (bad_destination) {
      return failure(fmt::format("{} cannot accept a heredoc as a destination", name_), body.destination);
    }
    for (std::size_t i = 0; i + 1 < node_.arguments.size(); ++i) {
      ASSIGN_OR_RETURN(const auto opened, heredoc(node_.arguments[i]));
      if (!opened) {
        body.sources.push_back(node_.arguments[i]);
        continue;
      }
      // Of several with one name the last one is the file.
      const auto last_first = std::views::reverse(node_.heredocs);
      const auto found = std::ranges::find(last_first, opened->name, &Heredoc::name);
      InlineSource source{.name = opened->name, .expand = opened->expand};
      if (found != last_first.end()) source.content = found->text();
      body.inline_sources.push_back(std::move(source));
    }
    body.chown = given.text("chown");
    body.chmod = given.text("chmod");
    body.link = given.flag("link");
    body.exclude = given.list("exclude");
    return {};
  }
  [[nodiscard]] Result<std::optional<Heredoc>> heredoc(std::string_view word) const {
    auto opened = heredoc_word(word);
    if (!opened) return placed(std::move(opened.error()), word);
    return opened;
  }

  Result<InstructionBody> copy() {
    ASSIGN_OR_RETURN(const Flags given, flags(kCopyFlags));
    Copy body;
    RETURN_IF_ERROR(read_sources(given, body));
    body.from = given.text("from");
    body.parents = given.flag("parents");
    if (const std::size_t dollar = body.from.find('$');
        dollar != std::string::npos && dollar + 1 < body.from.size()) {
      return failure(
          "variable expansion is not supported for --from, define a new stage with FROM using ARG from "
          "global scope as a workaround",
          "--from");
    }
    return body;
  }

  Result<InstructionBody> add() {
    ASSIGN_OR_RETURN(const Flags given, flags(kAddFlags));
    Add body;
    RETURN_IF_ERROR(read_sources(given, body));
    body.checksum = given.text("checksum");
    if (given.has("keep-git-dir")) body.keep_git_dir = given.flag("keep-git-dir");
    if (given.has("unpack")) body.unpack = given.flag("unpack");
    return body;
  }

  Result<InstructionBody> arg() {
    RETURN_IF_ERROR(no_flags());
    RETURN_IF_ERROR(need_one_or_more());
    Arg body;
    for (const std::string& word : node_.arguments) {
      const std::size_t equals = word.find('=');
      if (equals == 0) return failure("ARG names can not be blank", word);
      ArgItem item{.name = word.substr(0, equals)};
      if (equals != std::string::npos) item.value = word.substr(equals + 1);
      item.description = description_in(node_.comments, item.name);
      body.items.push_back(std::move(item));
    }
    return body;
  }

  Result<InstructionBody> env() {
    ASSIGN_OR_RETURN(auto items, key_values());
    return Env{std::move(items)};
  }
  Result<InstructionBody> label() {
    ASSIGN_OR_RETURN(auto items, key_values());
    return Label{std::move(items)};
  }
  Result<InstructionBody> workdir() {
    ASSIGN_OR_RETURN(auto path, only_argument());
    return Workdir{std::move(path)};
  }
  Result<InstructionBody> user() {
    ASSIGN_OR_RETURN(auto name, only_argument());
    return User{std::move(name)};
  }
  Result<InstructionBody> stop_signal() {
    ASSIGN_OR_RETURN(auto signal, only_argument());
    return StopSignal{std::move(signal)};
  }
  Result<InstructionBody> maintainer() {
    ASSIGN_OR_RETURN(auto name, only_argument());
    return Maintainer{std::move(name)};
  }
  Result<InstructionBody> cmd() {
    RETURN_IF_ERROR(no_flags());
    return Cmd{command_line()};
  }
  Result<InstructionBody> entrypoint() {
    RETURN_IF_ERROR(no_flags());
    return Entrypoint{command_line()};
  }

  Result<InstructionBody> shell() {
    RETURN_IF_ERROR(no_flags());
    RETURN_IF_ERROR(need_one_or_more());
    if (!node_.json) {
      Error result =
          error(fmt::format("SHELL requires the arguments to be in JSON form"), node_.arguments.front());
      result.add_hint(R"(write for example SHELL ["/bin/bash", "-c"])");
      return fail(std::move(result));
    }
    return Shell{node_.arguments};
  }

  Result<InstructionBody> expose() {
    RETURN_IF_ERROR(no_flags());
    RETURN_IF_ERROR(need_one_or_more());
    return Expose{node_.arguments};
  }

  Result<InstructionBody> volume() {
    RETURN_IF_ERROR(no_flags());
    RETURN_IF_ERROR(need_one_or_more());
    Volume body;
    for (const std::string& path : node_.arguments) {
      if (trim(path).empty()) return failure("VOLUME specified can not be an empty string");
      body.paths.emplace_back(trim(path));
    }
    return body;
  }

  Result<InstructionBody> healthcheck() {
    RETURN_IF_ERROR(need_one_or_more());
    const std::string kind = to_upper(node_.arguments.front());
    HealthcheckCommand body;
    if (kind == "NONE") {
      if (node_.arguments.size() > 1)
        return failure("HEALTHCHECK NONE takes no arguments", node_.arguments[1]);
      RETURN_IF_ERROR(flags(kHealthcheckFlags));  // they say how to run the check that is not there
      body.test = {kind};
      return body;
    }
    ASSIGN_OR_RETURN(const Flags given, flags(kHealthcheckFlags));
    if (kind != "CMD") {
      Error result = error(fmt::format("unknown type {} in HEALTHCHECK (try CMD)", quote(kind)),
                           node_.arguments.front());
      result.add_hint("write 'HEALTHCHECK CMD command' or 'HEALTHCHECK NONE'");
      return fail(std::move(result));
    }
    if (node_.arguments.size() == 1)
      return failure("missing command after HEALTHCHECK CMD", node_.arguments.front());
    body.test = node_.arguments;
    body.test.front() = node_.json ? "CMD" : "CMD-SHELL";
    ASSIGN_OR_RETURN(body.interval_ns, interval(given, "interval"));
    ASSIGN_OR_RETURN(body.timeout_ns, interval(given, "timeout"));
    ASSIGN_OR_RETURN(body.start_period_ns, interval(given, "start-period"));
    ASSIGN_OR_RETURN(body.start_interval_ns, interval(given, "start-interval"));
    if (const std::string text = given.text("retries"); !text.empty()) {
      const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), body.retries);
      if (problem != std::errc() || end != text.data() + text.size()) {
        return failure(fmt::format("--retries is not a number: {}", quote(text)), "--retries");
      }
      if (body.retries < 0)
        return failure(fmt::format("--retries cannot be negative ({})", text), "--retries");
    }
    return body;
  }
  [[nodiscard]] Result<std::int64_t> interval(const Flags& given, const std::string& flag) const {
    const std::string text = given.text(flag);
    if (text.empty()) return 0;
    auto duration = parse_duration(text);
    if (!duration) return placed(std::move(duration.error()), "--" + flag);
    if (*duration != 0 && *duration < kMinimumIntervalNs) {
      return failure(fmt::format("interval {} cannot be less than 1ms", quote(flag)), "--" + flag);
    }
    return *duration;
  }

  Result<InstructionBody> on_build() {
    if (node_.trigger.empty()) return failure("ONBUILD requires at least one argument");
    RETURN_IF_ERROR(no_flags());
    const Node& inner = node_.trigger.front();
    const std::string name = to_upper(inner.keyword);
    if (name == "ONBUILD")
      return failure("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed", inner.keyword_text);
    if (name == "FROM" || name == "MAINTAINER") {
      return failure(fmt::format("{} isn't allowed as an ONBUILD trigger", name), inner.keyword_text);
    }
    OnBuild body{std::string(take_word(trim_left(node_.original)).rest)};
    for (const Heredoc& heredoc : node_.heredocs) body.trigger += "\n" + heredoc.content + heredoc.name;
    return body;
  }

  const Node& node_;
  std::string_view text_;
  std::string name_;
};

}  // namespace

std::string Instruction::title() const {
  const std::string_view text = trim(original);
  return keyword + std::string(text.substr(std::min(keyword_text.size(), text.size())));
}

Result<Instruction> parse_instruction(const Node& node, std::string_view text) {
  ASSIGN_OR_RETURN(auto body, TypedParser(node, text).run());
  return Instruction{std::move(body), to_upper(node.keyword), node.keyword_text,
                     node.original,   node.comments,          node.span};
}

Result<Instruction> parse_trigger(std::string_view trigger, const std::string& where) {
  SyntaxOutcome outcome = parse_syntax(trigger, where);
  if (!outcome.errors.empty()) return fail(std::move(outcome.errors.front()));
  const Node& node = outcome.tree.nodes.front();
  if (outcome.tree.nodes.size() > 1) {
    return fail(
        error_at(trigger, outcome.tree.nodes[1].span, "an ONBUILD trigger holds more than one instruction"));
  }
  if (node.keyword == "from" || node.keyword == "onbuild" || node.keyword == "maintainer") {
    return fail(error_at(trigger, node.span,
                         fmt::format("{} isn't allowed as an ONBUILD trigger", to_upper(node.keyword))));
  }
  return parse_instruction(node, trigger);
}

}  // namespace shale::dockerfile
