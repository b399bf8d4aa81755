// SPDX-License-Identifier: Apache-2.0
#include "plan/stage_planner.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "dockerfile/values.h"
#include "plan/copy_instruction.h"
#include "plan/history_text.h"
#include "plan/run_instruction.h"

namespace shale::plan {

Status StagePlanner::run() {
  // What the stage took over from the one it is FROM.
  const Stage& stage = writer_.stage();
  std::size_t inherited = writer_.state().environment.bytes();
  for (const auto& [key, value] : stage.config.labels) inherited += key.size() + value.size();
  for (const HistoryStep& row : stage.history) inherited += row.created_by.size();
  RETURN_IF_ERROR(writer_.count_text(writer_.names().source->from_instruction, inherited));
  for (const Instruction* instruction : writer_.names().instructions())
    RETURN_IF_ERROR(dispatch(*instruction));
  return {};
}

Status StagePlanner::dispatch(const Instruction& instruction) {
  if (const auto* env = std::get_if<dockerfile::Env>(&instruction.body)) return plan_env(instruction, *env);
  if (const auto* label = std::get_if<dockerfile::Label>(&instruction.body))
    return plan_label(instruction, *label);
  if (const auto* arg = std::get_if<dockerfile::Arg>(&instruction.body)) return plan_arg(instruction, *arg);
  if (const auto* workdir = std::get_if<dockerfile::Workdir>(&instruction.body))
    return plan_workdir(instruction, *workdir);
  if (const auto* run = std::get_if<dockerfile::Run>(&instruction.body)) {
    RETURN_IF_ERROR(writer_.count_text(instruction, writer_.state().environment.bytes()));
    return plan_run(writer_, instruction, *run);
  }
  if (const auto* copy = std::get_if<dockerfile::Copy>(&instruction.body))
    return plan_copy(writer_, instruction, *copy, false);
  if (const auto* add = std::get_if<dockerfile::Add>(&instruction.body))
    return plan_copy(writer_, instruction, *add, true);
  if (const auto* expose = std::get_if<dockerfile::Expose>(&instruction.body))
    return plan_expose(instruction, *expose);
  return plan_simple(instruction);
}

Status StagePlanner::plan_env(const Instruction& instruction, const dockerfile::Env& env) {
  // All values see the variables as they were before the instruction.
  std::vector<std::pair<std::string, std::string>> items;
  std::string text = "ENV";
  for (const dockerfile::KeyValue& item : env.items) {
    ASSIGN_OR_RETURN(std::string key, writer_.expand(instruction, item.key));
    ASSIGN_OR_RETURN(std::string value, writer_.expand(instruction, item.value));
    if (key.empty())
      return fail(writer_.at(instruction, Error(ErrorKind::kDockerfile, "ENV names can not be blank")));
    text += fmt::format(" {}={}", key, value);
    items.emplace_back(std::move(key), std::move(value));
  }
  for (const auto& [key, value] : items) {
    writer_.state().environment.set(key, value);
    writer_.stage().config.set_env(key, value);
  }
  writer_.add_history(std::move(text));
  return {};
}

Status StagePlanner::plan_label(const Instruction& instruction, const dockerfile::Label& label) {
  std::string text = "LABEL";
  for (const dockerfile::KeyValue& item : label.items) {
    ASSIGN_OR_RETURN(const std::string key, writer_.expand(instruction, item.key));
    ASSIGN_OR_RETURN(const std::string value, writer_.expand(instruction, item.value));
    writer_.stage().config.labels[key] = value;
    text += fmt::format(" {}={}", key, value);
  }
  writer_.add_history(std::move(text));
  return {};
}

Status StagePlanner::plan_arg(const Instruction& instruction, const dockerfile::Arg& arg) {
  std::string text = "ARG";
  std::vector<std::pair<std::string, std::optional<std::string>>> items;
  for (const dockerfile::ArgItem& item : arg.items) {
    ASSIGN_OR_RETURN(std::string name, writer_.expand(instruction, item.name));
    const auto& given_args = writer_.context().options->build_args;
    const auto given = std::find_if(given_args.rbegin(), given_args.rend(),
                                    [&](const auto& entry) { return entry.first == name; });
    std::optional<std::string> value;
    if (given != given_args.rend()) {
      value = given->second;
    } else if (item.value) {
      ASSIGN_OR_RETURN(value, writer_.expand(instruction, *item.value));
    } else if (const auto global = writer_.context().graph->global_arguments().get(name)) {
      value = std::string(*global);
    }
    items.emplace_back(std::move(name), std::move(value));
  }
  for (auto& [name, value] : items) {
    if (value) writer_.state().environment.set(name, *value);
    text += value ? fmt::format(" {}={}", name, *value) : " " + name;
    writer_.state().arguments.emplace_back(name, value);
  }
  writer_.add_history(std::move(text));
  return {};
}

Status StagePlanner::plan_workdir(const Instruction& instruction, const dockerfile::Workdir& workdir) {
  ASSIGN_OR_RETURN(const std::string path, writer_.expand(instruction, workdir.path));
  // Nothing, as from an unset variable, is the directory it is in.
  const std::string directory = writer_.absolute(path);
  // An absolute path stays in the config as it is written, as BuildKit leaves it; a relative one is joined.
  writer_.stage().config.working_dir = path.starts_with('/') ? path : directory;
  if (directory == "/") {
    writer_.skip_number();
    writer_.add_history("WORKDIR " + writer_.stage().config.working_dir);
    return {};
  }
  writer_.add_step(instruction, MakeDirOp{.path = directory, .user = writer_.stage().config.user}, {},
                   "WORKDIR " + writer_.stage().config.working_dir);
  return {};
}

Status StagePlanner::plan_expose(const Instruction& instruction, const dockerfile::Expose& expose) {
  dockerfile::ExpandOptions options;
  options.escape = writer_.context().file->directives.escape;
  std::vector<std::string> words;
  for (const std::string& port : expose.ports) {
    Result<dockerfile::Expansion> out =
        dockerfile::expand_word(port, writer_.state().environment.lookup(), options);
    if (!out) return fail(writer_.at(instruction, out.error(), port));
    writer_.warn_unset(instruction, out->unset_names);
    words.insert(words.end(), out->words.begin(), out->words.end());
  }
  Result<std::vector<std::string>> ports = dockerfile::parse_ports(words);
  if (!ports) return fail(writer_.at(instruction, ports.error()));
  for (const std::string& port : *ports) writer_.stage().config.exposed_ports.insert(port);
  writer_.add_history(fmt::format("EXPOSE [{}]", fmt::join(*ports, " ")));
  return {};
}

Status StagePlanner::plan_simple(const Instruction& instruction) {
  image::ImageConfig& config = writer_.stage().config;
  if (const auto* user = std::get_if<dockerfile::User>(&instruction.body)) {
    ASSIGN_OR_RETURN(config.user, writer_.expand(instruction, user->user));
    writer_.add_history("USER " + config.user);
  } else if (const auto* cmd = std::get_if<dockerfile::Cmd>(&instruction.body)) {
    config.cmd = writer_.with_shell(cmd->command);
    config.cmd_set = true;
    config.args_escaped = true;
    cmd_set_here_ = true;
    writer_.add_history("CMD " + quoted_list(config.cmd));
  } else if (const auto* entrypoint = std::get_if<dockerfile::Entrypoint>(&instruction.body)) {
    config.entrypoint = writer_.with_shell(entrypoint->command);
    config.entrypoint_set = true;
    // An entrypoint makes the CMD that came with the base meaningless.
    if (!cmd_set_here_) {
      config.cmd.clear();
      config.cmd_set = false;
    }
    writer_.add_history("ENTRYPOINT " + quoted_list(config.entrypoint));
  } else if (const auto* shell = std::get_if<dockerfile::Shell>(&instruction.body)) {
    config.shell = shell->arguments;
    writer_.add_history(fmt::format("SHELL [{}]", fmt::join(config.shell, " ")));
  } else if (const auto* volume = std::get_if<dockerfile::Volume>(&instruction.body)) {
    std::vector<std::string> paths;
    for (const std::string& path : volume->paths) {
      ASSIGN_OR_RETURN(std::string expanded, writer_.expand(instruction, path));
      if (expanded.empty())
        return fail(writer_.at(instruction,
                               Error(ErrorKind::kDockerfile, "VOLUME specified can not be an empty string")));
      config.volumes.insert(expanded);
      paths.push_back(std::move(expanded));
    }
    writer_.add_history(fmt::format("VOLUME [{}]", fmt::join(paths, " ")));
  } else if (const auto* signal = std::get_if<dockerfile::StopSignal>(&instruction.body)) {
    ASSIGN_OR_RETURN(const std::string name, writer_.expand(instruction, signal->signal));
    if (Result<int> number = dockerfile::parse_signal(name); !number)
      return fail(writer_.at(instruction, number.error(), signal->signal));
    config.stop_signal = name;
    writer_.add_history("STOPSIGNAL " + name);
  } else if (const auto* check = std::get_if<dockerfile::HealthcheckCommand>(&instruction.body)) {
    config.healthcheck =
        image::Healthcheck{.test = check->test,
                           .interval = std::chrono::nanoseconds(check->interval_ns),
                           .timeout = std::chrono::nanoseconds(check->timeout_ns),
                           .start_period = std::chrono::nanoseconds(check->start_period_ns),
                           .start_interval = std::chrono::nanoseconds(check->start_interval_ns),
                           .retries = check->retries};
    writer_.add_history("HEALTHCHECK " + healthcheck_text(*config.healthcheck));
  } else if (const auto* on_build = std::get_if<dockerfile::OnBuild>(&instruction.body)) {
    config.on_build.push_back(on_build->trigger);
  } else if (const auto* maintainer = std::get_if<dockerfile::Maintainer>(&instruction.body)) {
    config.author = maintainer->name;
    writer_.add_history("MAINTAINER " + maintainer->name);
  }
  return {};
}

}  // namespace shale::plan
