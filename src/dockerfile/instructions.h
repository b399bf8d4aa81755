// SPDX-License-Identifier: Apache-2.0
// Instructions: the typed form of each node. Values are as written (not expanded, unless said otherwise):
// plan/ expands them with expand.h when it knows the variables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dockerfile/syntax.h"
#include "shale/error.h"

namespace shale::dockerfile {

struct KeyValue {
  std::string key;
  std::string value;
  bool legacy = false;  // written "KEY value" instead of "KEY=value"
};

// A command line of RUN, CMD, ENTRYPOINT. Shell form: exactly one argument, the whole text.
struct CommandLine {
  std::vector<std::string> arguments;
  bool shell_form = true;
};

struct From {
  std::string base;             // expanded with global ARGs by plan/
  std::string platform;         // "" = not given; expanded too
  std::string stage_name;       // lower case; "" = none
  std::string stage_name_text;  // as written
  std::string as_text;          // the keyword AS as written; "" = none
};

// One "--mount=" as written. Its values may hold variables: resolve_mount() gives the meaning.
struct MountText {
  std::string text;
  std::string from;  // value of from=, never expanded; "" = none. Known here because it makes the graph.
};

struct Run {
  CommandLine command;
  std::vector<Heredoc> heredocs;
  std::vector<MountText> mounts;
  std::string network = "default";   // default | none | host
  std::string security = "sandbox";  // sandbox | insecure
  std::vector<std::string> devices;  // CDI names, as written
};

// A heredoc as a source of COPY or ADD.
struct InlineSource {
  std::string name;
  std::string content;  // tabs stripped if asked for; not expanded yet
  bool expand = true;   // expand_word with raw_quotes before use
};

// COPY and ADD. Members that only one of them takes are said so.
struct Copy {
  std::vector<std::string> sources;  // expanded by plan/; heredocs are not among them
  std::vector<InlineSource> inline_sources;
  std::string destination;  // expanded
  std::string chown;        // expanded
  std::string chmod;        // expanded, then Chmod::parse
  bool link = false;
  std::vector<std::string> exclude;  // never expanded
  std::string from;                  // COPY only; never expanded
  bool parents = false;              // COPY only
  std::optional<bool> keep_git_dir;  // ADD only
  std::string checksum;              // ADD only; expanded
  std::optional<bool> unpack;        // ADD only
};
struct Add : Copy {};

struct ArgItem {
  std::string name;                  // expanded
  std::optional<std::string> value;  // expanded
  std::string description;           // from a comment "# name description" directly above
};
struct Arg {
  std::vector<ArgItem> items;
};
struct Env {
  std::vector<KeyValue> items;  // keys and values expanded, all against the variables before the instruction
};
struct Label {
  std::vector<KeyValue> items;  // as Env
};
struct Workdir {
  std::string path;  // expanded
};
struct User {
  std::string user;  // expanded
};
struct Cmd {
  CommandLine command;
};
struct Entrypoint {
  CommandLine command;
};
struct Shell {
  std::vector<std::string> arguments;
};
struct Expose {
  std::vector<std::string> ports;  // each expanded into words, then parse_ports (values.h)
};
struct Volume {
  std::vector<std::string> paths;  // expanded
};
struct StopSignal {
  std::string signal;  // expanded, then parse_signal (values.h)
};
// `test` is the form of the image config: {"NONE"}, {"CMD", …}, {"CMD-SHELL", text}. Durations in
// nanoseconds, 0 = not given.
struct HealthcheckCommand {
  std::vector<std::string> test;
  std::int64_t interval_ns = 0;
  std::int64_t timeout_ns = 0;
  std::int64_t start_period_ns = 0;
  std::int64_t start_interval_ns = 0;
  int retries = 0;
};
struct OnBuild {
  std::string trigger;  // the text stored in the image, heredocs included; parse_trigger reads it back
};
struct Maintainer {
  std::string name;
};

using InstructionBody =
    std::variant<From, Run, Copy, Add, Arg, Env, Label, Workdir, User, Cmd, Entrypoint, Shell, Expose, Volume,
                 StopSignal, HealthcheckCommand, OnBuild, Maintainer>;

struct Instruction {
  InstructionBody body;
  std::string keyword;                // upper case: "COPY"
  std::string keyword_text;           // as written
  std::string original;               // the whole logical line as written
  std::vector<std::string> comments;  // directly above
  SourceSpan span;

  // "COPY --from=x a b": `original` with the keyword in upper case, as progress lines show it.
  [[nodiscard]] std::string title() const;
};

// The typed form of a node. Errors are positioned in `text`, the file the node came from.
Result<Instruction> parse_instruction(const Node& node, std::string_view text);

// The instruction of an ONBUILD trigger that an image carries. `where` names the image in errors; the
// instruction's span has that as its file name.
Result<Instruction> parse_trigger(std::string_view trigger, const std::string& where);

}  // namespace shale::dockerfile
