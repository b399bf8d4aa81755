// SPDX-License-Identifier: Apache-2.0
#include "plan/lint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/suggest.h"
#include "dockerfile/source.h"
#include "image/reference.h"

namespace shale::plan {

namespace {

using dockerfile::LintConfig;
using dockerfile::ParsedFile;

void warn_at_from(const ParsedFile& file, const dockerfile::Stage& stage, const LintConfig& config,
                  std::string_view rule, const std::string& word, const std::vector<std::string>& arguments,
                  std::vector<Warning>& warnings) {
  const dockerfile::Instruction& from = stage.from_instruction;
  const dockerfile::LintRule* known = dockerfile::find_lint_rule(rule);
  if (known == nullptr || !config.with_comments(from.comments).wants(*known)) return;
  warnings.push_back(dockerfile::make_warning(
      file, rule, dockerfile::locate(file.text, file.lines, from.span, word), arguments));
}

// By an ARG before the first FROM, which may leave it without a value.
bool is_declared(const ParsedFile& file, const std::string& name) {
  return std::ranges::any_of(file.global_args, [&](const dockerfile::Instruction& instruction) {
    return std::ranges::any_of(std::get<dockerfile::Arg>(instruction.body).items,
                               [&](const dockerfile::ArgItem& item) { return item.name == name; });
  });
}

void lint_undefined(const ParsedFile& file, const dockerfile::Stage& stage, const std::string& word,
                    const Variables& globals, const LintConfig& config, std::vector<Warning>& warnings) {
  dockerfile::ExpandOptions options;
  options.escape = file.directives.escape;
  const Result<dockerfile::Expansion> expanded = dockerfile::expand_word(word, globals.lookup(), options);
  if (!expanded) return;  // an error that the graph has reported
  for (const std::string& name : expanded->unset_names) {
    if (is_declared(file, name)) continue;
    std::vector<std::string> known;
    for (const auto& [variable, value] : globals.items()) known.push_back(variable);
    const std::string nearest = suggest(name, known);
    warn_at_from(file, stage, config, "UndefinedArgInFrom", word,
                 {name, nearest.empty() ? std::string() : fmt::format(" (did you mean {}?)", nearest)},
                 warnings);
  }
}

// Arguments that BuildKit and the planner read by their name alone.
bool is_known_without_declaration(const std::string& name, const StageGraph& graph) {
  return graph.platform_arguments().contains(name) || is_proxy_argument(name) ||
         name.starts_with("BUILDKIT_") || name == "SOURCE_DATE_EPOCH";
}

}  // namespace

std::vector<Warning> lint_from(const ParsedFile& file, const Variables& platform, const Variables& globals,
                               const PlanOptions& options, const LintConfig& config) {
  std::vector<Warning> warnings;
  const Result<Variables> defaults = expand_global_arguments(file, platform, {});
  dockerfile::ExpandOptions expand_options;
  expand_options.escape = file.directives.escape;
  for (const dockerfile::Stage& stage : file.stages) {
    lint_undefined(file, stage, stage.from.base, globals, config, warnings);
    lint_undefined(file, stage, stage.from.platform, globals, config, warnings);
    if (!defaults || stage.from.base.find('$') == std::string::npos) continue;
    const Result<std::string> name = dockerfile::expand(stage.from.base, defaults->lookup(), expand_options);
    if (!name || options.image_contexts.contains(*name) || options.directory_contexts.contains(*name))
      continue;
    if (name->empty() || !image::ImageRef::parse(*name))
      warn_at_from(file, stage, config, "InvalidDefaultArgInFrom", stage.from.base, {stage.from.base},
                   warnings);
  }
  return warnings;
}

void lint_base_platform(const ParsedFile& file, const StageNames& stage, const image::Platform& have,
                        const LintConfig& config, std::vector<Warning>& warnings) {
  const Result<image::Platform> wanted = image::Platform::parse(stage.base.platform);
  if (!wanted || (wanted->os == have.os && wanted->architecture == have.architecture)) return;
  warn_at_from(file, *stage.source, config, "InvalidBaseImagePlatform", stage.source->from.base,
               {stage.base_text, have.normalized().to_string(), wanted->normalized().to_string()}, warnings);
}

std::optional<Warning> unconsumed_build_args(const ParsedFile& file, const StageGraph& graph,
                                             const PlanOptions& options) {
  std::set<std::string> declared;
  const auto collect = [&](const dockerfile::Instruction& instruction) {
    if (const auto* arg = std::get_if<dockerfile::Arg>(&instruction.body))
      for (const dockerfile::ArgItem& item : arg->items) declared.insert(item.name);
  };
  for (const dockerfile::Instruction& instruction : file.global_args) collect(instruction);
  for (const StageNames& stage : graph.stages()) {
    for (const dockerfile::Instruction& instruction : stage.triggers) collect(instruction);
    for (const dockerfile::Instruction& instruction : stage.source->instructions) collect(instruction);
  }
  std::set<std::string> unused;
  for (const auto& [name, value] : options.build_args)
    if (!declared.contains(name) && !is_known_without_declaration(name, graph)) unused.insert(name);
  if (unused.empty()) return std::nullopt;
  // docker's words, which people search for.
  Warning warning;
  warning.text = fmt::format("One or more build-args [{}] were not consumed", fmt::join(unused, " "));
  const std::vector<std::string> names(declared.begin(), declared.end());
  for (const std::string& name : unused)
    if (const std::string nearest = suggest(name, names); !nearest.empty())
      warning.text += fmt::format("; did you mean {} instead of {}?", nearest, name);
  return warning;
}

}  // namespace shale::plan
