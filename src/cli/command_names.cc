// SPDX-License-Identifier: Apache-2.0
#include "cli/command_names.h"

#include <fmt/format.h>

#include "shale/suggest.h"

namespace shale::cli {

namespace {

// docker's two-word names.
struct Member {
  const char* word;
  const char* command;
};
constexpr Member kImageMembers[] = {{"ls", "images"},       {"rm", "rmi"},      {"list", "images"},
                                    {"remove", "rmi"},      {"build", "build"}, {"history", "history"},
                                    {"inspect", "inspect"}, {"tag", "tag"},     {"pull", "pull"},
                                    {"push", "push"},       {"load", "load"},   {"save", "save"},
                                    {"import", "import"}};
constexpr Member kBuilderMembers[] = {{"build", "build"}, {"prune", "prune"}, {"b", "build"}};
constexpr Member kSystemMembers[] = {{"info", "info"}, {"prune", "prune"}};

struct Group {
  const char* name;
  std::span<const Member> members;
  const char* hint;
};
constexpr Group kGroups[] = {
    {"image", kImageMembers,
     "'shale prune' removes images without a name and the build cache; 'shale rmi $(shale images -q -f "
     "dangling=true)' the images alone"},
    {"buildx", kBuilderMembers, "there are no builder instances to manage: the store is the builder"},
    {"builder", kBuilderMembers, "there are no builder instances to manage: the store is the builder"},
    {"system", kSystemMembers, "'shale images' shows what images take, and 'shale prune' what it gave back"},
};

// docker's commands that Shale has not.
struct Absent {
  std::span<const char* const> words;
  const char* why;
  const char* remedy;
};
constexpr const char* kRunning[] = {"run",  "exec", "create",  "start",  "stop",
                                    "kill", "ps",   "logs",    "attach", "commit",
                                    "port", "top",  "restart", "wait",   "container"};
constexpr const char* kCopying[] = {"cp", "export"};
constexpr const char* kRegistry[] = {"search", "manifest"};
constexpr const char* kSeveral[] = {"compose", "bake"};
constexpr const char* kDaemon[] = {"volume", "network", "context", "events", "stats", "swarm", "plugin"};
constexpr Absent kAbsent[] = {
    {kRunning, "Shale builds images, it does not run them",
     "'shale save IMAGE | docker load', or '| podman load', gives an image to what runs it"},
    {kCopying, "Shale has no containers", "'shale build -o DIRECTORY .' writes the files of what is built"},
    {kRegistry, "Shale pulls and pushes, and asks registries for nothing else", "see 'shale pull --help'"},
    {kSeveral, "Shale builds one Dockerfile at a time", "run 'shale build' for each"},
    {kDaemon, "Shale has no daemon, and nothing of the kind to manage", "see 'shale --help'"},
};

std::string listed(std::span<const Member> members) {
  std::string out;
  for (const Member& member : members) out += fmt::format("{}{}", out.empty() ? "" : ", ", member.word);
  return out;
}

Result<NamedCommand> name_member(const Group& group, std::span<const std::string> words) {
  const std::string second = words.size() > 1 ? words[1] : std::string();
  for (const Member& member : group.members)
    if (second == member.word) return NamedCommand{find_command(member.command), 2};
  Error error(
      ErrorKind::kUsage,
      second.empty() || second[0] == '-'
          ? fmt::format("'shale {}' needs one of {}", group.name, listed(group.members))
          : fmt::format("there is no 'shale {} {}', only {}", group.name, second, listed(group.members)));
  std::vector<std::string> known;
  for (const Member& member : group.members) known.emplace_back(member.word);
  if (!hint_nearest(error, second, known)) error.add_hint(group.hint);
  return fail(std::move(error));
}

Error unknown_command(const std::string& word) {
  for (const Absent& absent : kAbsent)
    for (const char* name : absent.words)
      if (word == name)
        return Error(ErrorKind::kUsage, fmt::format("there is no 'shale {}': {}", word, absent.why))
            .hint(absent.remedy);
  std::vector<std::string> names;
  for (const CommandSpec& command : commands()) names.emplace_back(command.name);
  for (const Group& group : kGroups) names.emplace_back(group.name);
  Error error(ErrorKind::kUsage, fmt::format("unknown command '{}'", word));
  if (!hint_nearest(error, word, names)) error.add_hint("see 'shale --help'");
  return error;
}

}  // namespace

Result<NamedCommand> name_command(std::span<const std::string> words) {
  for (const Group& group : kGroups)
    if (words[0] == group.name) return name_member(group, words);
  if (const CommandSpec* command = find_command(words[0])) return NamedCommand{command, 1};
  return fail(unknown_command(words[0]));
}

}  // namespace shale::cli
