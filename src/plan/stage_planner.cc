// SPDX-License-Identifier: Apache-2.0
#include "plan/stage_planner.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "base/suggest.h"
#include "dockerfile/chmod.h"
#include "dockerfile/mount.h"
#include "dockerfile/values.h"
#include "plan/history_text.h"

namespace shale::plan {

namespace {

// Where the copy of a context's files lies in its own small snapshot.
constexpr const char* kMountSnapshot = "/source";

}  // namespace

int layer_count(const StageNames& stage) {
  const std::vector<const dockerfile::Instruction*> instructions = stage.instructions();
  return static_cast<int>(
      std::count_if(instructions.begin(), instructions.end(), [](const dockerfile::Instruction* one) {
        return std::holds_alternative<dockerfile::Run>(one->body) ||
               std::holds_alternative<dockerfile::Copy>(one->body) ||
               std::holds_alternative<dockerfile::Add>(one->body) ||
               std::holds_alternative<dockerfile::Workdir>(one->body);
      }));
}

std::string clean_path(std::string_view path) {
  std::vector<std::string_view> parts;
  std::size_t at = 0;
  while (at < path.size()) {
    std::size_t end = path.find('/', at);
    if (end == std::string_view::npos) end = path.size();
    const std::string_view part = path.substr(at, end - at);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    at = end + 1;
  }
  return fmt::format("/{}", fmt::join(parts, "/"));
}

StagePlanner::StagePlanner(const PlanContext& context, Stage& stage, StageState& state)
    : context_(context),
      stage_(stage),
      state_(state),
      names_(context.graph->stages()[static_cast<std::size_t>(stage.index)]) {
  const int layers = layer_count(names_);
  shown_total_ = layers + (names_.base.kind == Target::Kind::kScratch ? 0 : 1);
  shown_index_ = shown_total_ - layers;
}

Status StagePlanner::run() {
  for (const Instruction* instruction : names_.instructions()) RETURN_IF_ERROR(dispatch(*instruction));
  return {};
}

Status StagePlanner::dispatch(const Instruction& instruction) {
  if (const auto* env = std::get_if<dockerfile::Env>(&instruction.body)) return plan_env(instruction, *env);
  if (const auto* label = std::get_if<dockerfile::Label>(&instruction.body))
    return plan_label(instruction, *label);
  if (const auto* arg = std::get_if<dockerfile::Arg>(&instruction.body)) return plan_arg(instruction, *arg);
  if (const auto* workdir = std::get_if<dockerfile::Workdir>(&instruction.body))
    return plan_workdir(instruction, *workdir);
  if (const auto* run = std::get_if<dockerfile::Run>(&instruction.body)) return plan_run(instruction, *run);
  if (const auto* copy = std::get_if<dockerfile::Copy>(&instruction.body))
    return plan_copy(instruction, *copy, false);
  if (const auto* add = std::get_if<dockerfile::Add>(&instruction.body))
    return plan_copy(instruction, *add, true);
  if (const auto* expose = std::get_if<dockerfile::Expose>(&instruction.body))
    return plan_expose(instruction, *expose);
  return plan_simple(instruction);
}

Error StagePlanner::at(const Instruction& instruction, const Error& error, std::string_view word) const {
  Error out = instruction.span.file == context_.file->file_name
                  ? context_.file->error(instruction.span, error.message(), word)
                  : Error(ErrorKind::kDockerfile, error.message()).context("in " + instruction.span.file);
  for (const std::string& hint : error.hints()) out.add_hint(hint);
  return out;
}

void StagePlanner::warn_unset(const Instruction& instruction, const std::vector<std::string>& names) {
  if (names.empty() || instruction.span.file != context_.file->file_name) return;
  const dockerfile::LintRule* rule = dockerfile::find_lint_rule("UndefinedVar");
  if (rule == nullptr || !context_.lint.with_comments(instruction.comments).wants(*rule)) return;
  for (const std::string& name : names) {
    const bool declared = std::any_of(state_.arguments.begin(), state_.arguments.end(),
                                      [&](const auto& argument) { return argument.first == name; });
    if (declared) continue;
    std::vector<std::string> known;
    for (const auto& [variable, value] : state_.environment.items()) known.push_back(variable);
    const std::string nearest = suggest(name, known);
    const std::string hint = nearest.empty() ? std::string() : fmt::format(" (did you mean ${}?)", nearest);
    context_.plan->warnings.push_back(
        dockerfile::make_warning(*context_.file, "UndefinedVar", instruction.span, {name, hint}));
  }
}

Result<std::string> StagePlanner::expand(const Instruction& instruction, std::string_view word) {
  dockerfile::ExpandOptions options;
  options.escape = context_.file->directives.escape;
  Result<dockerfile::Expansion> out = dockerfile::expand_word(word, state_.environment.lookup(), options);
  if (!out) return fail(at(instruction, out.error(), word));
  warn_unset(instruction, out->unset_names);
  return std::move(out->text);
}

Result<std::string> StagePlanner::expand_heredoc(const Instruction& instruction, std::string_view text) {
  dockerfile::ExpandOptions options;
  options.escape = context_.file->directives.escape;
  options.ignore_quotes = true;
  Result<dockerfile::Expansion> out = dockerfile::expand_word(text, state_.environment.lookup(), options);
  if (!out) return fail(at(instruction, out.error()));
  return std::move(out->text);
}

std::string StagePlanner::title(const Instruction& instruction) {
  dockerfile::ExpandOptions options;
  options.escape = context_.file->directives.escape;
  options.keep_unset = true;
  options.raw_quotes = true;
  options.raw_escapes = true;
  const std::string text = instruction.title();
  std::string shown = text;
  // A shell's own variables stay as written: only what the builder expands is shown expanded.
  if (!std::holds_alternative<dockerfile::Run>(instruction.body))
    shown = dockerfile::expand(text, state_.environment.lookup(), options).value_or(text);
  ++shown_index_;
  const bool alone = context_.file->stages.size() == 1 && stage_.name.empty();
  return fmt::format("[{}{}/{}] {}", alone ? std::string() : stage_.shown_name + " ", shown_index_,
                     shown_total_, shown);
}

std::string StagePlanner::absolute(std::string_view path) const {
  if (path.starts_with('/')) return clean_path(path);
  const std::string& base = stage_.config.working_dir;
  return clean_path(fmt::format("{}/{}", base.empty() ? "/" : base, path));
}

std::vector<std::string> StagePlanner::with_shell(const dockerfile::CommandLine& command) const {
  if (!command.shell_form) return command.arguments;
  std::vector<std::string> out = stage_.config.shell;
  if (out.empty()) out = {"/bin/sh", "-c"};
  out.push_back(fmt::format("{}", fmt::join(command.arguments, " ")));
  return out;
}

Node& StagePlanner::add_node(const Instruction& instruction) {
  Node node;
  node.id = static_cast<NodeId>(context_.plan->nodes.size());
  node.parent = stage_.result;
  node.stage = static_cast<int>(&stage_ - context_.plan->stages.data());
  node.title = title(instruction);
  node.span = instruction.span;
  node.no_cache = context_.options->no_cache ||
                  context_.options->no_cache_stages.contains(names_.source->from.stage_name);
  stage_.result = node.id;
  context_.plan->nodes.push_back(std::move(node));
  return context_.plan->nodes.back();
}

void StagePlanner::add_history(std::string created_by, NodeId node) {
  stage_.history.push_back({.created_by = std::move(created_by), .node = node});
}

Status StagePlanner::plan_env(const Instruction& instruction, const dockerfile::Env& env) {
  // All values see the variables as they were before the instruction.
  std::vector<std::pair<std::string, std::string>> items;
  std::string text = "ENV";
  for (const dockerfile::KeyValue& item : env.items) {
    ASSIGN_OR_RETURN(std::string key, expand(instruction, item.key));
    ASSIGN_OR_RETURN(std::string value, expand(instruction, item.value));
    if (key.empty())
      return fail(at(instruction, Error(ErrorKind::kDockerfile, "ENV names can not be blank")));
    text += fmt::format(" {}={}", key, value);
    items.emplace_back(std::move(key), std::move(value));
  }
  for (const auto& [key, value] : items) {
    state_.environment.set(key, value);
    stage_.config.set_env(key, value);
  }
  add_history(std::move(text));
  return {};
}

Status StagePlanner::plan_label(const Instruction& instruction, const dockerfile::Label& label) {
  std::string text = "LABEL";
  for (const dockerfile::KeyValue& item : label.items) {
    ASSIGN_OR_RETURN(const std::string key, expand(instruction, item.key));
    ASSIGN_OR_RETURN(const std::string value, expand(instruction, item.value));
    if (key.empty())
      return fail(at(instruction, Error(ErrorKind::kDockerfile, "LABEL names can not be blank")));
    stage_.config.labels[key] = value;
    text += fmt::format(" {}={}", key, value);
  }
  add_history(std::move(text));
  return {};
}

Status StagePlanner::plan_arg(const Instruction& instruction, const dockerfile::Arg& arg) {
  std::string text = "ARG";
  std::vector<std::pair<std::string, std::optional<std::string>>> items;
  for (const dockerfile::ArgItem& item : arg.items) {
    ASSIGN_OR_RETURN(std::string name, expand(instruction, item.name));
    const auto& given_args = context_.options->build_args;
    const auto given = std::find_if(given_args.rbegin(), given_args.rend(),
                                    [&](const auto& entry) { return entry.first == name; });
    std::optional<std::string> value;
    if (given != given_args.rend()) {
      value = given->second;
    } else if (item.value) {
      ASSIGN_OR_RETURN(value, expand(instruction, *item.value));
    } else if (const auto global = context_.graph->global_arguments().get(name)) {
      value = std::string(*global);
    }
    items.emplace_back(std::move(name), std::move(value));
  }
  for (auto& [name, value] : items) {
    if (value) state_.environment.set(name, *value);
    text += value ? fmt::format(" {}={}", name, *value) : " " + name;
    state_.arguments.emplace_back(name, value);
  }
  add_history(std::move(text));
  return {};
}

Status StagePlanner::plan_workdir(const Instruction& instruction, const dockerfile::Workdir& workdir) {
  ASSIGN_OR_RETURN(const std::string path, expand(instruction, workdir.path));
  if (path.empty())
    return fail(at(instruction, Error(ErrorKind::kDockerfile, "WORKDIR requires a path, but it is empty"),
                   workdir.path));
  stage_.config.working_dir = absolute(path);
  // A trailing slash stays in the config, as BuildKit leaves it.
  if (path.ends_with('/') && stage_.config.working_dir != "/") stage_.config.working_dir += '/';
  if (stage_.config.working_dir == "/") {
    ++shown_index_;
    add_history("WORKDIR /");
    return {};
  }
  Node& node = add_node(instruction);
  node.op = MakeDirOp{.path = stage_.config.working_dir, .user = stage_.config.user};
  add_history("WORKDIR " + stage_.config.working_dir, node.id);
  return {};
}

Result<MountOp> StagePlanner::plan_mount(const Instruction& instruction, const dockerfile::MountText& text) {
  Result<dockerfile::Mount> mount =
      dockerfile::resolve_mount(text.text, [&](std::string_view word) { return expand(instruction, word); });
  if (!mount) {
    if (mount.error().span() != nullptr) return fail(std::move(mount.error()));
    return fail(at(instruction, mount.error()));
  }
  MountOp out;
  switch (mount->type) {
    case dockerfile::MountType::kBind:
      out.kind = MountOp::Kind::kBind;
      break;
    case dockerfile::MountType::kCache:
      out.kind = MountOp::Kind::kCache;
      break;
    case dockerfile::MountType::kTmpfs:
      out.kind = MountOp::Kind::kTmpfs;
      break;
    case dockerfile::MountType::kSecret:
      out.kind = MountOp::Kind::kSecret;
      break;
    case dockerfile::MountType::kSsh:
      out.kind = MountOp::Kind::kSsh;
      break;
  }
  out.read_only = mount->read_only;
  out.id = mount->id;
  out.mode = mount->mode;
  out.uid = mount->uid;
  out.gid = mount->gid;
  out.tmpfs_bytes = mount->size_bytes;
  out.required = mount->required;
  switch (mount->sharing) {
    case dockerfile::CacheSharing::kShared:
      out.sharing = MountOp::Sharing::kShared;
      break;
    case dockerfile::CacheSharing::kPrivate:
      out.sharing = MountOp::Sharing::kPrivate;
      break;
    case dockerfile::CacheSharing::kLocked:
      out.sharing = MountOp::Sharing::kLocked;
      break;
  }
  if (out.kind == MountOp::Kind::kSecret) {
    if (out.id.empty() && !mount->source.empty()) out.id = mount->source;
    if (out.id.empty() && !mount->target.empty())
      out.id = mount->target.substr(mount->target.find_last_of('/') + 1);
    if (mount->env) out.environment = *mount->env;
    if (!mount->target.empty())
      out.target = absolute(mount->target);
    else if (out.environment.empty())
      out.target = "/run/secrets/" + out.id;
    return out;
  }
  if (!mount->target.empty()) out.target = absolute(mount->target);
  if (out.kind == MountOp::Kind::kCache && out.id.empty()) out.id = out.target;
  if (!mount->source.empty()) out.source_path = clean_path(mount->source);
  if (!mount->from.empty()) {
    ASSIGN_OR_RETURN(const Target target, context_.graph->find(mount->from, stage_.index, false));
    ASSIGN_OR_RETURN(out.source, context_.source_of(target, instruction));
  } else if (out.kind == MountOp::Kind::kBind) {
    out.source = FileSource{};
  }
  // Files of a directory of the user's are copied to a layer first: a command must neither see what
  // .dockerignore hides nor a file that changes under it, and the copy is cached by its content.
  if (out.source && out.source->kind != FileSource::Kind::kNode) snapshot_source(instruction, out);
  return out;
}

void StagePlanner::snapshot_source(const Instruction& instruction, MountOp& mount) {
  Node node;
  node.id = static_cast<NodeId>(context_.plan->nodes.size());
  node.stage = static_cast<int>(&stage_ - context_.plan->stages.data());
  node.title = fmt::format("[{} internal] take {} for the mount at {}", stage_.shown_name, mount.source_path,
                           mount.target);
  node.span = instruction.span;
  CopyOp op;
  op.source = *mount.source;
  op.paths = {mount.source_path};
  op.destination = kMountSnapshot;
  node.op = std::move(op);
  mount.source = FileSource{.kind = FileSource::Kind::kNode, .name = {}, .node = node.id, .files = {}};
  mount.source_path = kMountSnapshot;
  context_.plan->nodes.push_back(std::move(node));
}

Status StagePlanner::plan_run(const Instruction& instruction, const dockerfile::Run& run) {
  RunOp op;
  dockerfile::CommandLine command = run.command;
  std::string history_command;
  if (!run.heredocs.empty() && command.shell_form && !command.arguments.empty()) {
    const std::string& written = command.arguments.front();
    const dockerfile::Heredoc& first = run.heredocs.front();
    // A command line that is nothing but one heredoc: its body is the script.
    const bool alone = run.heredocs.size() == 1 && is_only_heredoc(written);
    if (alone && first.text().starts_with("#!")) {
      op.script = {first.name, first.text()};
      command = {.arguments = {kScriptDirectory + first.name}, .shell_form = false};
    } else if (alone) {
      command.arguments = {first.text()};
    } else {
      std::string whole = written;
      for (const dockerfile::Heredoc& heredoc : run.heredocs) whole += "\n" + heredoc.content + heredoc.name;
      command.arguments = {whole};
    }
  }
  op.args = with_shell(command);
  op.env = state_.environment.strings();
  op.working_dir = stage_.config.working_dir.empty() ? "/" : stage_.config.working_dir;
  op.user = stage_.config.user;
  op.network = run.network == "none"   ? NetworkMode::kNone
               : run.network == "host" ? NetworkMode::kHost
                                       : context_.options->network;
  op.insecure = run.security == "insecure";
  if (op.insecure)
    return fail(
        at(instruction,
           Error(ErrorKind::kDockerfile, "security.insecure is not allowed")
               .hint("a RUN of Shale never has more power over the host than the user who builds; remove "
                     "--security=insecure"),
           "--security"));
  std::vector<NodeId> inputs;
  for (const dockerfile::MountText& text : run.mounts) {
    ASSIGN_OR_RETURN(MountOp mount, plan_mount(instruction, text));
    if (mount.source && mount.source->kind == FileSource::Kind::kNode && mount.source->node != kNoNode)
      inputs.push_back(mount.source->node);
    op.mounts.push_back(std::move(mount));
  }
  const std::string row = run_history(op.args, state_.arguments, state_.environment);
  Node& node = add_node(instruction);
  node.op = std::move(op);
  node.inputs = std::move(inputs);
  add_history(row, node.id);
  return {};
}

Status StagePlanner::plan_copy(const Instruction& instruction, const dockerfile::Copy& copy, bool is_add) {
  CopyOp op;
  op.is_add = is_add;
  op.exclude = copy.exclude;
  op.link = copy.link;
  op.parents = copy.parents;
  op.keep_git_dir = copy.keep_git_dir.value_or(false);
  op.unpack = copy.unpack;
  if (!copy.checksum.empty()) {
    ASSIGN_OR_RETURN(op.checksum, expand(instruction, copy.checksum));
  }
  std::vector<NodeId> inputs;
  if (!copy.from.empty()) {
    ASSIGN_OR_RETURN(const Target target, context_.graph->find(copy.from, stage_.index, true));
    ASSIGN_OR_RETURN(op.source, context_.source_of(target, instruction));
    if (op.source.kind == FileSource::Kind::kNode && op.source.node != kNoNode)
      inputs.push_back(op.source.node);
  }
  for (const std::string& source : copy.sources) {
    ASSIGN_OR_RETURN(std::string path, expand(instruction, source));
    if (is_add && copy.from.empty()) {
      if (const auto remote = remote_kind(path)) {
        op.remotes.push_back({.kind = *remote, .url = std::move(path)});
        continue;
      }
    }
    op.paths.push_back(std::move(path));
  }
  RETURN_IF_ERROR(check_remotes(instruction, op));
  if (!copy.inline_sources.empty()) {
    if (op.paths.empty() && op.remotes.empty()) op.source.kind = FileSource::Kind::kInline;
    for (const dockerfile::InlineSource& source : copy.inline_sources) {
      std::string content = source.content;
      if (source.expand) {
        ASSIGN_OR_RETURN(content, expand_heredoc(instruction, source.content));
      }
      op.source.files.emplace_back(source.name, std::move(content));
    }
  }
  ASSIGN_OR_RETURN(const std::string destination, expand(instruction, copy.destination));
  const bool directory =
      destination.empty() || destination.ends_with('/') || destination == "." || destination.ends_with("/.");
  op.destination = absolute(destination);
  if (directory && op.destination != "/") op.destination += '/';
  if (!copy.chown.empty()) {
    ASSIGN_OR_RETURN(op.chown, expand(instruction, copy.chown));
  }
  if (!copy.chmod.empty()) {
    ASSIGN_OR_RETURN(op.chmod, expand(instruction, copy.chmod));
    if (Result<dockerfile::Chmod> parsed = dockerfile::Chmod::parse(*op.chmod); !parsed)
      return fail(at(instruction, parsed.error(), copy.chmod));
  }
  const std::string row = copy_history(copy, op, is_add);
  Node& node = add_node(instruction);
  node.op = std::move(op);
  node.inputs = std::move(inputs);
  add_history(row, node.id);
  return {};
}

Status StagePlanner::check_remotes(const Instruction& instruction, const CopyOp& op) const {
  for (const RemoteSource& remote : op.remotes)
    if (remote.kind == RemoteSource::Kind::kGit)
      return fail(at(instruction,
                     Error(ErrorKind::kUnsupported, "ADD cannot fetch git repositories")
                         .hint("clone it before the build and COPY it, or use RUN git clone"),
                     remote.url));
  if (op.checksum.empty()) return {};
  if (op.remotes.size() + op.paths.size() != 1)
    return fail(at(instruction,
                   Error(ErrorKind::kDockerfile, "checksum can't be specified for multiple sources"),
                   "--checksum"));
  if (op.remotes.empty())
    return fail(at(instruction, Error(ErrorKind::kDockerfile, "checksum requires HTTP(S) or Git sources"),
                   "--checksum"));
  const std::size_t colon = op.checksum.find(':');
  if (colon == std::string::npos)
    return fail(
        at(instruction, Error(ErrorKind::kDockerfile, "invalid checksum digest format"), op.checksum));
  if (op.checksum.substr(0, colon) != "sha256")
    return fail(
        at(instruction,
           Error(ErrorKind::kDockerfile, "unsupported digest algorithm").hint("write sha256:<64 hex digits>"),
           op.checksum));
  if (!Digest::parse(op.checksum))
    return fail(
        at(instruction, Error(ErrorKind::kDockerfile, "invalid checksum digest format"), op.checksum));
  return {};
}

Status StagePlanner::plan_expose(const Instruction& instruction, const dockerfile::Expose& expose) {
  dockerfile::ExpandOptions options;
  options.escape = context_.file->directives.escape;
  std::vector<std::string> words;
  for (const std::string& port : expose.ports) {
    Result<dockerfile::Expansion> out = dockerfile::expand_word(port, state_.environment.lookup(), options);
    if (!out) return fail(at(instruction, out.error(), port));
    warn_unset(instruction, out->unset_names);
    words.insert(words.end(), out->words.begin(), out->words.end());
  }
  Result<std::vector<std::string>> ports = dockerfile::parse_ports(words);
  if (!ports) return fail(at(instruction, ports.error()));
  for (const std::string& port : *ports) stage_.config.exposed_ports.insert(port);
  add_history(fmt::format("EXPOSE map[{}:{{}}]", fmt::join(*ports, ":{} ")));
  return {};
}

Status StagePlanner::plan_simple(const Instruction& instruction) {
  image::ImageConfig& config = stage_.config;
  if (const auto* user = std::get_if<dockerfile::User>(&instruction.body)) {
    ASSIGN_OR_RETURN(config.user, expand(instruction, user->user));
    add_history("USER " + config.user);
  } else if (const auto* cmd = std::get_if<dockerfile::Cmd>(&instruction.body)) {
    config.cmd = with_shell(cmd->command);
    config.cmd_set = true;
    config.args_escaped = true;
    cmd_set_here_ = true;
    add_history("CMD " + quoted_list(config.cmd));
  } else if (const auto* entrypoint = std::get_if<dockerfile::Entrypoint>(&instruction.body)) {
    config.entrypoint = with_shell(entrypoint->command);
    config.entrypoint_set = true;
    // An entrypoint makes the CMD that came with the base meaningless.
    if (!cmd_set_here_) {
      config.cmd.clear();
      config.cmd_set = false;
    }
    add_history("ENTRYPOINT " + quoted_list(config.entrypoint));
  } else if (const auto* shell = std::get_if<dockerfile::Shell>(&instruction.body)) {
    config.shell = shell->arguments;
    add_history(fmt::format("SHELL [{}]", fmt::join(config.shell, " ")));
  } else if (const auto* volume = std::get_if<dockerfile::Volume>(&instruction.body)) {
    std::vector<std::string> paths;
    for (const std::string& path : volume->paths) {
      ASSIGN_OR_RETURN(std::string expanded, expand(instruction, path));
      if (expanded.empty())
        return fail(
            at(instruction, Error(ErrorKind::kDockerfile, "VOLUME specified can not be an empty string")));
      config.volumes.insert(expanded);
      paths.push_back(std::move(expanded));
    }
    add_history(fmt::format("VOLUME [{}]", fmt::join(paths, " ")));
  } else if (const auto* signal = std::get_if<dockerfile::StopSignal>(&instruction.body)) {
    ASSIGN_OR_RETURN(const std::string name, expand(instruction, signal->signal));
    if (Result<int> number = dockerfile::parse_signal(name); !number)
      return fail(at(instruction, number.error(), signal->signal));
    config.stop_signal = name;
    add_history("STOPSIGNAL " + name);
  } else if (const auto* check = std::get_if<dockerfile::HealthcheckCommand>(&instruction.body)) {
    config.healthcheck =
        image::Healthcheck{.test = check->test,
                           .interval = std::chrono::nanoseconds(check->interval_ns),
                           .timeout = std::chrono::nanoseconds(check->timeout_ns),
                           .start_period = std::chrono::nanoseconds(check->start_period_ns),
                           .start_interval = std::chrono::nanoseconds(check->start_interval_ns),
                           .retries = check->retries};
    add_history("HEALTHCHECK " + healthcheck_text(*config.healthcheck));
  } else if (const auto* on_build = std::get_if<dockerfile::OnBuild>(&instruction.body)) {
    config.on_build.push_back(on_build->trigger);
  } else if (const auto* maintainer = std::get_if<dockerfile::Maintainer>(&instruction.body)) {
    config.author = maintainer->name;
    add_history("MAINTAINER " + maintainer->name);
  }
  return {};
}

}  // namespace shale::plan
