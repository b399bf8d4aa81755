// SPDX-License-Identifier: Apache-2.0
#include "plan/planner.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/suggest.h"
#include "plan/early_check.h"
#include "plan/lint.h"
#include "plan/remote_files.h"
#include "plan/stage_graph.h"
#include "plan/stage_planner.h"

namespace shale::plan {

namespace {

// docker's default, given to an image that has none.
constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Which rules apply: what the file says, or BUILDKIT_DOCKERFILE_CHECK instead.
Result<dockerfile::LintConfig> lint_config(const dockerfile::ParsedFile& file, const PlanOptions& options) {
  std::string check = file.directives.check;
  bool from_file = true;
  for (const auto& [name, value] : options.build_args) {
    if (name != "BUILDKIT_DOCKERFILE_CHECK") continue;
    check = value;
    from_file = false;
  }
  Result<dockerfile::LintConfig> lint = dockerfile::LintConfig::parse(check);
  if (lint) return lint;
  if (!from_file) return fail(std::move(lint.error()).context("in --build-arg BUILDKIT_DOCKERFILE_CHECK"));
  Error error =
      file.error({.file = file.file_name, .line = file.directives.check_line}, lint.error().message());
  for (const std::string& hint : lint.error().hints()) error.add_hint(hint);
  return fail(std::move(error));
}

void sort_by_line(std::vector<Warning>& warnings) {
  std::ranges::stable_sort(warnings, {}, [](const Warning& warning) { return warning.span.line; });
}

class PlannerImpl final : public Planner {
 public:
  PlannerImpl(dockerfile::ParsedFile file, PlanOptions options)
      : file_(std::move(file)), options_(std::move(options)) {}

  Status prepare() {
    ASSIGN_OR_RETURN(lint_, lint_config(file_, options_));
    Result<StageGraph> graph = StageGraph::create(file_, options_);
    std::optional<Error> errors;
    std::set<int> stages;
    if (graph) {
      graph_.emplace(std::move(*graph));
      ASSIGN_OR_RETURN(stages, reachable());
    } else {
      collect(errors, std::move(graph.error()));
      for (int i = 0; i < static_cast<int>(file_.stages.size()); ++i) stages.insert(i);
    }
    for (const int stage : stages)
      for (Error& error : check_early(file_, file_.stages[static_cast<std::size_t>(stage)]))
        collect(errors, std::move(error));
    if (errors) return fail(std::move(*errors));
    return {};
  }

  Result<std::vector<ImageNeed>> needs() override {
    std::vector<ImageNeed> out;
    ASSIGN_OR_RETURN(const std::set<int> stages, reachable());
    for (const int index : stages) {
      ASSIGN_OR_RETURN(const std::vector<StageGraph::Reference> references, graph_->references(index));
      for (const StageGraph::Reference& reference : references) {
        if (reference.target.kind != Target::Kind::kImage) continue;
        ImageNeed need{.reference = reference.target.reference,
                       .platform = reference.target.platform,
                       .span = reference.instruction != nullptr
                                   ? reference.instruction->span
                                   : file_.stages[static_cast<std::size_t>(index)].from_instruction.span,
                       .near_stage = near_stage(reference.target.reference)};
        if (configs_.contains(need.key())) continue;
        if (std::none_of(out.begin(), out.end(),
                         [&](const ImageNeed& other) { return other.key() == need.key(); }))
          out.push_back(std::move(need));
      }
    }
    return out;
  }

  void provide(const ImageNeed& need, image::ImageConfig config) override {
    configs_.insert_or_assign(need.key(), std::move(config));
  }

  std::vector<Warning> early_warnings() const override { return early_warnings(nullptr); }

  std::optional<Error> lint_error(const std::vector<Warning>& warnings) const override {
    return lint_.error ? dockerfile::lint_error(file_, warnings) : std::nullopt;
  }

  Result<Plan> plan() override {
    Plan plan;
    ASSIGN_OR_RETURN(const std::set<int> stages, reachable());
    plan.stages.reserve(stages.size());  // StagePlanner keeps references
    std::map<int, std::size_t> place;    // stage number → index in plan.stages
    std::map<int, StageState> states;

    std::size_t expanded_bytes = 0;
    PlanContext context{.file = &file_,
                        .options = &options_,
                        .graph = &*graph_,
                        .lint = lint_,
                        .plan = &plan,
                        .expanded_bytes = &expanded_bytes,
                        .source_of = [&](const Target& target, const dockerfile::Instruction& instruction) {
                          return source_of(plan, place, target, instruction.span);
                        }};
    for (const int index : stages) {
      const StageNames& names = graph_->stages()[static_cast<std::size_t>(index)];
      Stage stage;
      stage.index = index;
      stage.name = names.source->from.stage_name_text;
      stage.shown_name = stage.name.empty() ? fmt::format("stage-{}", index) : stage.name;
      StageState state;
      start_stage(plan, place, states, names, stage, state);
      place[index] = plan.stages.size();
      plan.stages.push_back(std::move(stage));
      states[index] = std::move(state);
      StagePlanner planner(context, plan.stages.back(), states[index]);
      RETURN_IF_ERROR(planner.run());
    }
    plan.target = place.at(graph_->target());
    image::ImageConfig& config = plan.stages[plan.target].config;
    for (const auto& [name, value] : options_.labels) config.labels[name] = value;
    const std::set<std::size_t> needed(stages.begin(), stages.end());
    std::vector<Warning> found = early_warnings(&needed);
    plan.warnings.insert(plan.warnings.begin(), found.begin(), found.end());
    sort_by_line(plan.warnings);
    plan.lint_error = lint_error(plan.warnings);
    if (std::optional<Warning> unused = unconsumed_build_args(file_, *graph_, options_))
      plan.warnings.push_back(std::move(*unused));
    plan.source_date_epoch = epoch();
    return plan;
  }

 private:
  [[nodiscard]] std::vector<Warning> early_warnings(const std::set<std::size_t>* needed) const {
    std::vector<Warning> out = dockerfile::lint(file_, lint_, needed);
    const std::vector<Warning> from =
        lint_from(file_, graph_->platform_arguments(), graph_->global_arguments(), options_, lint_);
    out.insert(out.end(), from.begin(), from.end());
    sort_by_line(out);
    return out;
  }

  [[nodiscard]] std::string near_stage(const std::string& reference) const {
    std::vector<std::string> names;
    for (const dockerfile::Stage& stage : file_.stages)
      if (!stage.from.stage_name.empty()) names.push_back(stage.from.stage_name);
    return suggest(reference, names);
  }

  [[nodiscard]] std::string epoch() const {
    for (auto at = options_.build_args.rbegin(); at != options_.build_args.rend(); ++at)
      if (at->first == "SOURCE_DATE_EPOCH") return at->second;
    return std::string(graph_->global_arguments().get("SOURCE_DATE_EPOCH").value_or(""));
  }

  // The stages the target needs, by number. Parses ONBUILD triggers as soon as the config they are in is
  // known.
  Result<std::set<int>> reachable() {
    std::set<int> out;
    std::vector<int> open{graph_->target()};
    while (!open.empty()) {
      const int index = open.back();
      open.pop_back();
      if (!out.insert(index).second) continue;
      RETURN_IF_ERROR(read_triggers(index));
      ASSIGN_OR_RETURN(const std::vector<StageGraph::Reference> references, graph_->references(index));
      for (const StageGraph::Reference& reference : references)
        if (reference.target.kind == Target::Kind::kStage) open.push_back(reference.target.stage);
    }
    return out;
  }

  Status read_triggers(int index) {
    StageNames& names = graph_->stages()[static_cast<std::size_t>(index)];
    if (names.triggers_known) return {};
    std::vector<std::string> texts;
    std::string where;
    if (names.base.kind == Target::Kind::kImage) {
      const auto config = configs_.find({names.base.reference, names.base.platform});
      if (config == configs_.end()) return {};
      texts = config->second.on_build;
      where = fmt::format("ONBUILD of {}", names.base.reference);
    } else if (names.base.kind == Target::Kind::kStage) {
      const StageNames& parent = graph_->stages()[static_cast<std::size_t>(names.base.stage)];
      for (const dockerfile::Instruction* instruction : parent.instructions())
        if (const auto* trigger = std::get_if<dockerfile::OnBuild>(&instruction->body))
          texts.push_back(trigger->trigger);
      where = fmt::format("ONBUILD of stage {}", names.base_text);
    }
    for (const std::string& text : texts) {
      ASSIGN_OR_RETURN(dockerfile::Instruction instruction, dockerfile::parse_trigger(text, where));
      names.triggers.push_back(std::move(instruction));
    }
    names.triggers_known = true;
    return {};
  }

  // Config, history, variables and base node with which a stage begins.
  void start_stage(Plan& plan, const std::map<int, std::size_t>& place,
                   const std::map<int, StageState>& states, const StageNames& names, Stage& stage,
                   StageState& state) {
    switch (names.base.kind) {
      case Target::Kind::kStage: {
        const Stage& parent = plan.stages[place.at(names.base.stage)];
        stage.base = stage.result = parent.result;
        stage.config = parent.config;
        stage.history = parent.history;
        stage.base_history_rows = parent.base_history_rows;
        state = states.at(names.base.stage);
        break;
      }
      case Target::Kind::kImage: {
        stage.config = configs_.at({names.base.reference, names.base.platform});
        lint_base_platform(file_, names, stage.config.platform, lint_, plan.warnings);
        stage.base = stage.result =
            image_node(plan, names.base, names.source->from_instruction.span, title_of_base(names, stage));
        stage.base_history_rows = stage.config.history.size();
        break;
      }
      case Target::Kind::kDirectory:
      case Target::Kind::kRemote: {
        // Files that stand for a base: they are copied onto nothing.
        Node node;
        CopyOp op;
        op.source = files_of_context(plan, names.base, names.source->from_instruction.span);
        if (op.source.node != kNoNode) node.inputs.push_back(op.source.node);
        op.paths = {"/"};
        op.destination = "/";
        node.op = std::move(op);
        node.id = static_cast<NodeId>(plan.nodes.size());
        node.stage = static_cast<int>(plan.stages.size());
        node.title = title_of_base(names, stage);
        node.span = names.source->from_instruction.span;
        stage.base = stage.result = node.id;
        stage.history.push_back({.created_by = fmt::format("FROM {}", names.base_text), .node = node.id});
        plan.nodes.push_back(std::move(node));
        empty_config(stage.config);
        break;
      }
      case Target::Kind::kScratch:
        empty_config(stage.config);
        break;
    }
    stage.config.on_build.clear();
    if (!stage.config.env_value("PATH") && stage.config.platform.os != "windows")
      stage.config.set_env("PATH", kDefaultPath);
    // Also over what an ARG of the stage below made of it: the image's value is what a stage begins with.
    for (const std::string& entry : stage.config.env) {
      const std::size_t equals = entry.find('=');
      state.environment.set(std::string_view(entry).substr(0, equals),
                            std::string_view(entry).substr(equals + 1));
    }
  }

  void empty_config(image::ImageConfig& config) const {
    config.platform = options_.platform;
    config.working_dir = options_.platform.os == "windows" ? "\\" : "/";
  }

  std::string title_of_base(const StageNames& names, const Stage& stage) const {
    const int total = 1 + layer_count(names);
    const bool alone = file_.stages.size() == 1 && stage.name.empty();
    return fmt::format("[{}1/{}] FROM {}", alone ? std::string() : stage.shown_name + " ", total,
                       names.base_text);
  }

  NodeId image_node(Plan& plan, const Target& target, const SourceSpan& span, const std::string& title) {
    for (const Node& node : plan.nodes)
      if (const auto* image = std::get_if<ImageOp>(&node.op);
          image != nullptr && image->reference == target.reference && image->platform == target.platform)
        return node.id;
    Node node;
    node.id = static_cast<NodeId>(plan.nodes.size());
    node.stage = -1;
    node.title = title;
    node.span = span;
    node.op = ImageOp{.reference = target.reference, .platform = target.platform};
    plan.nodes.push_back(std::move(node));
    return plan.nodes.back().id;
  }

  // What a --build-context of files names: a directory, or the node that fetches it.
  FileSource files_of_context(Plan& plan, const Target& target, const SourceSpan& span) {
    if (target.kind == Target::Kind::kDirectory)
      return {
          .kind = FileSource::Kind::kNamedContext, .name = target.reference, .node = kNoNode, .files = {}};
    const NodeId node =
        remote_node(plan, options_.remote_contexts.at(target.reference), -1, span, options_.no_cache);
    return {.kind = FileSource::Kind::kNode, .name = {}, .node = node, .files = {}};
  }

  Result<FileSource> source_of(Plan& plan, const std::map<int, std::size_t>& place, const Target& target,
                               const SourceSpan& span) {
    FileSource out;
    out.kind = FileSource::Kind::kNode;
    switch (target.kind) {
      case Target::Kind::kStage:
        out.node = plan.stages[place.at(target.stage)].result;
        break;
      case Target::Kind::kImage:
        out.node = image_node(plan, target, span, fmt::format("FROM {}", target.reference));
        break;
      case Target::Kind::kDirectory:
      case Target::Kind::kRemote:
        return files_of_context(plan, target, span);
      case Target::Kind::kScratch:
        break;  // nothing in it: node stays kNoNode
    }
    return out;
  }

  dockerfile::ParsedFile file_;
  PlanOptions options_;
  dockerfile::LintConfig lint_;
  std::optional<StageGraph> graph_;
  std::map<std::pair<std::string, std::string>, image::ImageConfig> configs_;
};

}  // namespace

Result<std::unique_ptr<Planner>> Planner::create(dockerfile::ParsedFile file, PlanOptions options) {
  auto planner = std::make_unique<PlannerImpl>(std::move(file), std::move(options));
  RETURN_IF_ERROR(planner->prepare());
  return planner;
}

std::vector<Warning> lint_refused(const dockerfile::ParsedFile& file, const PlanOptions& options) {
  const Result<dockerfile::LintConfig> config = lint_config(file, options);
  if (!config) return {};
  std::vector<Warning> out = dockerfile::lint(file, *config);
  const Variables platform = platform_arguments(options.platform, options.build_platform, options.target);
  const Result<Variables> globals = expand_global_arguments(file, platform, options.build_args);
  if (globals) {
    const std::vector<Warning> from = lint_from(file, platform, *globals, options, *config);
    out.insert(out.end(), from.begin(), from.end());
  }
  sort_by_line(out);
  return out;
}

}  // namespace shale::plan
