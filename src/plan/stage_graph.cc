// SPDX-License-Identifier: Apache-2.0
#include "plan/stage_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/suggest.h"
#include "image/reference.h"

namespace shale::plan {

namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

bool all_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

}  // namespace

std::vector<const dockerfile::Instruction*> StageNames::instructions() const {
  std::vector<const dockerfile::Instruction*> out;
  if (replaced) return out;
  for (const dockerfile::Instruction& instruction : triggers) out.push_back(&instruction);
  for (const dockerfile::Instruction& instruction : source->instructions) out.push_back(&instruction);
  return out;
}

Result<StageGraph> StageGraph::create(const dockerfile::ParsedFile& file, const PlanOptions& options) {
  StageGraph graph(file, options);
  graph.platform_ = plan::platform_arguments(options.platform, options.build_platform, options.target);
  for (const auto& [name, value] : options.build_args)
    if (graph.platform_.contains(name)) graph.platform_.set(name, value);
  ASSIGN_OR_RETURN(graph.globals_, expand_global_arguments(file, graph.platform_, options.build_args));

  std::optional<Error> errors;
  for (int i = 0; i < static_cast<int>(file.stages.size()); ++i) {
    Result<StageNames> stage = graph.resolve_stage(i);
    if (stage) {
      graph.stages_.push_back(std::move(*stage));
    } else {
      collect(errors, std::move(stage.error()));
      graph.stages_.push_back(
          {.source = &file.stages[static_cast<std::size_t>(i)], .base = {}, .base_text = {}, .triggers = {}});
    }
  }
  if (Result<int> target = graph.find_target())
    graph.target_ = *target;
  else
    collect(errors, std::move(target.error()));
  // Names that instructions of the stages that will be built use. The others may name what does not exist
  // (yet).
  std::vector<int> wanted = {graph.target_};
  for (std::size_t next = 0; next < wanted.size(); ++next) {
    Result<std::vector<Reference>> found = graph.references(wanted[next]);
    if (!found) {
      collect(errors, std::move(found.error()));
      continue;
    }
    for (const Reference& reference : *found)
      if (reference.target.kind == Target::Kind::kStage &&
          std::find(wanted.begin(), wanted.end(), reference.target.stage) == wanted.end())
        wanted.push_back(reference.target.stage);
  }
  if (errors) return fail(std::move(*errors));
  return graph;
}

Result<Variables> expand_global_arguments(
    const dockerfile::ParsedFile& file, const Variables& platform,
    const std::vector<std::pair<std::string, std::string>>& build_args) {
  Variables globals = platform;
  std::size_t expanded_bytes = 0;
  for (const dockerfile::Instruction& instruction : file.global_args) {
    for (const dockerfile::ArgItem& item : std::get<dockerfile::Arg>(instruction.body).items) {
      const auto given = std::find_if(build_args.rbegin(), build_args.rend(),
                                      [&](const auto& arg) { return arg.first == item.name; });
      if (given != build_args.rend()) {
        globals.set(item.name, given->second);
      } else if (item.value) {
        dockerfile::ExpandOptions expand_options;
        expand_options.escape = file.directives.escape;
        Result<std::string> value = dockerfile::expand(*item.value, globals.lookup(), expand_options);
        if (!value) return fail(file.error(instruction.span, value.error().message(), *item.value));
        expanded_bytes += value->size();
        if (expanded_bytes > kMaxExpandedText)
          return fail(
              file.error(instruction.span, too_much_text().message()).hint(too_much_text().hints().front()));
        globals.set(item.name, *value);
      }
    }
  }
  return globals;
}

std::string StageGraph::unset_hint(const std::string& word) const {
  dockerfile::ExpandOptions expand_options;
  expand_options.escape = file_->directives.escape;
  const Result<dockerfile::Expansion> expanded =
      dockerfile::expand_word(word, globals_.lookup(), expand_options);
  if (!expanded) return {};
  for (const std::string& name : expanded->unset_names) {
    for (const dockerfile::Stage& stage : file_->stages)
      for (const dockerfile::Instruction& instruction : stage.instructions)
        if (const auto* arg = std::get_if<dockerfile::Arg>(&instruction.body))
          for (const dockerfile::ArgItem& item : arg->items)
            if (item.name == name)
              return fmt::format(
                  "{} is declared in line {}, behind this FROM: what FROM reads is declared before the first "
                  "FROM",
                  name, instruction.span.line);
    std::vector<std::string> known;
    for (const auto& [variable, value] : globals_.items()) known.push_back(variable);
    if (const std::string nearest = suggest(name, known); !nearest.empty())
      return fmt::format("{} is not declared; did you mean '{}'?", name, nearest);
  }
  return {};
}

Result<StageNames> StageGraph::resolve_stage(int index) {
  const dockerfile::Stage& source = file_->stages[static_cast<std::size_t>(index)];
  const SourceSpan& span = source.from_instruction.span;
  dockerfile::ExpandOptions expand_options;
  expand_options.escape = file_->directives.escape;
  StageNames out;
  out.source = &source;

  ASSIGN_OR_RETURN(out.base_text, [&]() -> Result<std::string> {
    Result<std::string> name = dockerfile::expand(source.from.base, globals_.lookup(), expand_options);
    if (!name) return fail(file_->error(span, name.error().message(), source.from.base));
    if (name->empty()) {
      Error error = file_->error(span, fmt::format("base name ({}) should not be blank", source.from.base),
                                 source.from.base);
      const std::string hint = unset_hint(source.from.base);
      error.add_hint(hint.empty()
                         ? "give the ARG that it names a default before the first FROM, or pass --build-arg"
                         : hint);
      return fail(std::move(error));
    }
    return name;
  }());

  std::string platform = options_->platform.to_string();
  if (!source.from.platform.empty()) {
    Result<std::string> text = dockerfile::expand(source.from.platform, globals_.lookup(), expand_options);
    if (!text) return fail(file_->error(span, text.error().message(), source.from.platform));
    const auto refuse = [&](const std::string& message) {
      Error error = file_->error(span, message, source.from.platform);
      if (const std::string hint = unset_hint(source.from.platform); !hint.empty()) error.add_hint(hint);
      return fail(std::move(error));
    };
    if (text->empty())
      return refuse(fmt::format("empty platform value from expression {}", source.from.platform));
    Result<image::Platform> parsed = image::Platform::parse(*text);
    if (!parsed)
      return refuse(fmt::format("failed to parse platform {}: {}", *text, parsed.error().message()));
    platform = parsed->to_string();
  }

  const auto use_context = [&](const std::string& name) {
    std::optional<Target> context = named_context(name);
    if (context) {
      out.base = std::move(*context);
      out.base.platform = platform;
    }
    return context.has_value();
  };
  // A named context with a stage's own name replaces the stage.
  if (!source.from.stage_name.empty() && use_context(source.from.stage_name)) {
    out.replaced = true;
    return out;
  }
  // Stage names are stored in lower case and FROM compares exactly, so that "FROM Base" is not "AS base".
  for (int i = index - 1; i >= 0; --i)
    if (file_->stages[static_cast<std::size_t>(i)].from.stage_name == out.base_text &&
        !out.base_text.empty()) {
      out.base = {.kind = Target::Kind::kStage, .stage = i, .reference = {}, .platform = platform};
      return out;
    }
  if (out.base_text == "scratch") {
    out.base = {.kind = Target::Kind::kScratch, .stage = -1, .reference = {}, .platform = platform};
    return out;
  }
  if (use_context(out.base_text)) return out;
  if (Result<image::ImageRef> reference = image::ImageRef::parse(out.base_text); !reference) {
    Error error = file_->error(
        span, fmt::format("failed to parse stage name \"{}\": invalid reference format", out.base_text),
        source.from.base);
    const std::string hint = unset_hint(source.from.base);
    error.add_hint(hint.empty() ? reference.error().message() : hint);
    return fail(std::move(error));
  }
  out.base = {.kind = Target::Kind::kImage, .stage = -1, .reference = out.base_text, .platform = platform};
  return out;
}

std::string context_name(const std::string& name) {
  const Result<image::ImageRef> reference = image::ImageRef::parse(name);
  if (!reference) return name;
  constexpr std::string_view kDefaultTag = ":latest";
  std::string out = reference->familiar();
  if (out.ends_with(kDefaultTag)) out.resize(out.size() - kDefaultTag.size());
  return out;
}

std::optional<Target> StageGraph::named_context(const std::string& wanted) const {
  const std::string name = context_name(wanted);
  Target out{
      .kind = Target::Kind::kImage, .stage = -1, .reference = {}, .platform = options_->platform.to_string()};
  if (const auto image = options_->image_contexts.find(name); image != options_->image_contexts.end()) {
    if (image->second == "scratch")
      out.kind = Target::Kind::kScratch;
    else
      out.reference = image->second;
    return out;
  }
  if (options_->remote_contexts.contains(name))
    out.kind = Target::Kind::kRemote;
  else if (options_->directory_contexts.contains(name))
    out.kind = Target::Kind::kDirectory;
  else
    return std::nullopt;
  out.reference = name;
  return out;
}

Result<int> StageGraph::find_target() const {
  const int count = static_cast<int>(file_->stages.size());
  if (options_->target.empty()) return count - 1;
  const std::string wanted = lower(options_->target);
  for (int i = count - 1; i >= 0; --i)
    if (file_->stages[static_cast<std::size_t>(i)].from.stage_name == wanted) return i;
  if (all_digits(wanted) && wanted.size() < 7 && std::stoi(wanted) < count) return std::stoi(wanted);
  std::vector<std::string> names;
  for (const dockerfile::Stage& stage : file_->stages)
    if (!stage.from.stage_name.empty()) names.push_back(stage.from.stage_name);
  Error error(ErrorKind::kDockerfile,
              fmt::format("target stage \"{}\" could not be found", options_->target));
  if (!hint_nearest(error, wanted, names))
    error.add_hint(names.empty()
                       ? "no stage of this file has a name: give one with FROM … AS name, or use its number"
                       : fmt::format("this file has the stages {}", fmt::join(names, ", ")));
  return fail(std::move(error));
}

Result<Target> StageGraph::find(std::string_view name, int stage, bool number_is_stage) const {
  if (name.find('$') != std::string_view::npos)
    return fail(
        ErrorKind::kDockerfile,
        "variable expansion is not supported for --from, define a new stage with FROM using ARG from global "
        "scope as a workaround");
  const std::string wanted = lower(name);
  if (number_is_stage && all_digits(name)) {
    const bool fits = name.size() < 7;
    const int index = fits ? std::stoi(std::string(name)) : 0;
    if (!fits || index >= static_cast<int>(file_->stages.size())) {
      Error error(ErrorKind::kDockerfile, fmt::format("invalid stage index {}", name));
      if (!fits) error.add_hint("the beginning of an image's id that is all digits: write the whole id");
      return fail(std::move(error));
    }
    if (index >= stage)
      return fail(
          ErrorKind::kDockerfile,
          fmt::format("cannot copy from stage \"{}\", it needs to be defined before current stage", name));
    return Target{.kind = Target::Kind::kStage, .stage = index, .reference = {}, .platform = {}};
  }
  // A named context replaces a stage of its name.
  if (const std::optional<Target> context = named_context(std::string(name))) return *context;
  for (int i = stage - 1; i >= 0; --i)
    if (file_->stages[static_cast<std::size_t>(i)].from.stage_name == wanted)
      return Target{.kind = Target::Kind::kStage, .stage = i, .reference = {}, .platform = {}};
  for (int i = stage; i < static_cast<int>(file_->stages.size()); ++i)
    if (file_->stages[static_cast<std::size_t>(i)].from.stage_name == wanted)
      return fail(
          ErrorKind::kDockerfile,
          fmt::format("cannot copy from stage \"{}\", it needs to be defined before current stage \"{}\"",
                      name, file_->stages[static_cast<std::size_t>(stage)].from.stage_name));
  const std::string platform = options_->platform.to_string();
  if (wanted == "scratch")
    return Target{.kind = Target::Kind::kScratch, .stage = -1, .reference = {}, .platform = platform};
  if (Result<image::ImageRef> reference = image::ImageRef::parse(name); !reference)
    return fail(
        Error(ErrorKind::kDockerfile, fmt::format("failed to parse \"{}\": invalid reference format", name))
            .hint(reference.error().message()));
  return Target{
      .kind = Target::Kind::kImage, .stage = -1, .reference = std::string(name), .platform = platform};
}

Result<std::vector<StageGraph::Reference>> StageGraph::references(int index) const {
  const StageNames& stage = stages_[static_cast<std::size_t>(index)];
  std::vector<Reference> out;
  std::optional<Error> errors;
  out.push_back({stage.base, nullptr});
  const auto add = [&](const dockerfile::Instruction& instruction, std::string_view name,
                       bool number_is_stage) {
    Result<Target> target = find(name, index, number_is_stage);
    if (target) {
      out.push_back({*target, &instruction});
      return;
    }
    Error error = file_->error(instruction.span, target.error().message(), name);
    for (const std::string& hint : target.error().hints()) error.add_hint(hint);
    // A name close to a stage's is more likely a typo than an image.
    collect(errors, std::move(error));
  };
  const auto visit = [&](const dockerfile::Instruction& instruction) {
    if (const auto* copy = std::get_if<dockerfile::Copy>(&instruction.body);
        copy != nullptr && !copy->from.empty())
      add(instruction, copy->from, true);
    if (const auto* run = std::get_if<dockerfile::Run>(&instruction.body))
      for (const dockerfile::MountText& mount : run->mounts)
        if (!mount.from.empty()) add(instruction, mount.from, false);
  };
  for (const dockerfile::Instruction* instruction : stage.instructions()) visit(*instruction);
  if (errors) return fail(std::move(*errors));
  return out;
}

}  // namespace shale::plan
