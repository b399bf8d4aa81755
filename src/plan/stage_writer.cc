// SPDX-License-Identifier: Apache-2.0
#include "plan/stage_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/suggest.h"
#include "dockerfile/source.h"
#include "plan/git_reference.h"
#include "plan/paths.h"
#include "plan/remote_files.h"

namespace shale::plan {

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

StageWriter::StageWriter(const PlanContext& context, Stage& stage, StageState& state)
    : context_(context),
      stage_(stage),
      state_(state),
      names_(context.graph->stages()[static_cast<std::size_t>(stage.index)]) {
  const int layers = layer_count(names_);
  shown_total_ = layers + (names_.base.kind == Target::Kind::kScratch ? 0 : 1);
  shown_index_ = shown_total_ - layers;
}

Error StageWriter::at(const Instruction& instruction, const Error& error, std::string_view word) const {
  Error out = instruction.span.file == context_.file->file_name
                  ? context_.file->error(instruction.span, error.message(), word)
                  : Error(ErrorKind::kDockerfile, error.message()).context("in " + instruction.span.file);
  for (const std::string& hint : error.hints()) out.add_hint(hint);
  return out;
}

void StageWriter::warn(const Instruction& instruction, std::string_view rule, std::string_view word,
                       const std::vector<std::string>& arguments) {
  const dockerfile::ParsedFile& file = *context_.file;
  if (instruction.span.file != file.file_name) return;  // an image's ONBUILD: the image's author's matter
  const dockerfile::LintRule* known = dockerfile::find_lint_rule(rule);
  if (known == nullptr || !context_.lint.with_comments(instruction.comments).wants(*known)) return;
  const SourceSpan span =
      word.empty() ? instruction.span : dockerfile::locate(file.text, file.lines, instruction.span, word);
  context_.plan->warnings.push_back(dockerfile::make_warning(file, rule, span, arguments));
}

void StageWriter::warn_unset(const Instruction& instruction, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const bool declared = std::any_of(state_.arguments.begin(), state_.arguments.end(),
                                      [&](const auto& argument) { return argument.first == name; });
    if (declared) continue;
    std::vector<std::string> known;
    for (const auto& [variable, value] : state_.environment.items()) known.push_back(variable);
    const std::string nearest = suggest(name, known);
    const std::string hint = nearest.empty() ? std::string() : fmt::format(" (did you mean ${}?)", nearest);
    warn(instruction, "UndefinedVar", {}, {name, hint});
  }
}

Result<std::string> StageWriter::expand(const Instruction& instruction, std::string_view word) {
  dockerfile::ExpandOptions options;
  options.escape = context_.file->directives.escape;
  Result<dockerfile::Expansion> out = dockerfile::expand_word(word, state_.environment.lookup(), options);
  if (!out) return fail(at(instruction, out.error(), word));
  warn_unset(instruction, out->unset_names);
  RETURN_IF_ERROR(count_text(instruction, out->text.size()));
  return std::move(out->text);
}

Result<std::string> StageWriter::expand_heredoc(const Instruction& instruction, std::string_view text) {
  // The escape character is the backslash whatever the directive says, as in BuildKit.
  dockerfile::ExpandOptions options;
  options.ignore_quotes = true;
  Result<dockerfile::Expansion> out = dockerfile::expand_word(text, state_.environment.lookup(), options);
  if (!out) return fail(at(instruction, out.error()));
  RETURN_IF_ERROR(count_text(instruction, out->text.size()));
  return std::move(out->text);
}

Status StageWriter::count_text(const Instruction& instruction, std::size_t bytes) {
  *context_.expanded_bytes += bytes;
  if (*context_.expanded_bytes <= kMaxExpandedText) return {};
  return fail(at(instruction, too_much_text()));
}

std::string StageWriter::title(const Instruction& instruction) {
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
                     shown_total_, without_login(shown));
}

std::string StageWriter::absolute(std::string_view path) const {
  if (path.starts_with('/')) return clean_path(path);
  const std::string& base = stage_.config.working_dir;
  return clean_path(fmt::format("{}/{}", base.empty() ? "/" : base, path));
}

std::vector<std::string> StageWriter::with_shell(const dockerfile::CommandLine& command) const {
  if (!command.shell_form) return command.arguments;
  std::vector<std::string> out = stage_.config.shell;
  if (out.empty()) out = {"/bin/sh", "-c"};
  out.push_back(fmt::format("{}", fmt::join(command.arguments, " ")));
  return out;
}

void StageWriter::add_step(const Instruction& instruction, decltype(Node::op) op, std::vector<NodeId> inputs,
                           std::string created_by) {
  Node node;
  node.id = static_cast<NodeId>(context_.plan->nodes.size());
  node.parent = stage_.result;
  node.stage = static_cast<int>(&stage_ - context_.plan->stages.data());
  node.title = title(instruction);
  node.span = instruction.span;
  node.no_cache = no_cache();
  node.op = std::move(op);
  node.inputs = std::move(inputs);
  stage_.result = node.id;
  add_history(std::move(created_by), node.id);
  context_.plan->nodes.push_back(std::move(node));
}

NodeId StageWriter::add_remote_node(const Instruction& instruction, const RemoteOp& op) {
  return remote_node(*context_.plan, op, static_cast<int>(&stage_ - context_.plan->stages.data()),
                     instruction.span, no_cache());
}

bool StageWriter::no_cache() const {
  return context_.options->no_cache ||
         context_.options->no_cache_stages.contains(names_.source->from.stage_name);
}

void StageWriter::add_history(std::string created_by, NodeId node) {
  stage_.history.push_back({.created_by = std::move(created_by), .node = node});
}

}  // namespace shale::plan
