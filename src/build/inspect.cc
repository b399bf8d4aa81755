// SPDX-License-Identifier: Apache-2.0
// check_build, outline_build, list_targets: the first part of a build, for its own sake.
#include "shale/inspect.h"

#include <set>

#include "build/build_inputs.h"
#include "build/image_resolver.h"
#include "build/plan_options.h"
#include "dockerfile/lint.h"
#include "dockerfile/parse.h"
#include "plan/outline.h"
#include "plan/planner.h"

namespace shale {

namespace {

using namespace build;  // NOLINT(google-build-using-namespace): as in build.cc

// Configs of base images until the planner needs no more. The layers stay where they are.
Result<plan::Plan> plan_without_layers(plan::Planner& planner, BuildState& state, EventSink& events,
                                       StepId& next_step) {
  std::optional<ImageResolver> resolver;
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<plan::ImageNeed> needs, planner.needs());
    if (needs.empty()) return planner.plan();
    if (!resolver) {
      RETURN_IF_ERROR(state.open_store());
      resolver.emplace(*state.store, state.request.pull, events, next_step, ImageResolver::Layers::kLeave);
    }
    RETURN_IF_ERROR(resolver->provide(planner, needs, state.dockerfile_text));
  }
}

void add_missing(std::vector<Warning>& warnings, const std::vector<Warning>& more) {
  for (const Warning& warning : more) {
    const bool known = std::ranges::any_of(warnings, [&](const Warning& other) {
      return other.rule == warning.rule && other.span.line == warning.span.line && other.text == warning.text;
    });
    if (!known && !warning.rule.empty()) warnings.push_back(warning);
  }
}

struct Opened {
  BuildState state;
  BuildInputs inputs;
  StepId next_step = 1;
};

Status open(const BuildRequest& request, EventSink& events, Opened& opened) {
  opened.state.request = request;
  ASSIGN_OR_RETURN(opened.inputs, read_inputs(opened.state, events, opened.next_step));
  opened.state.dockerfile_name = opened.inputs.dockerfile.name;
  opened.state.dockerfile_text = opened.inputs.dockerfile.text;
  return {};
}

SourceText source_of(const Opened& opened) {
  return {.name = opened.inputs.dockerfile.name, .text = opened.inputs.dockerfile.text};
}

// What a plan would say about the stages that `plan` leaves out. That one of them could not be built is no
// finding: nobody builds it.
void lint_other_stages(const dockerfile::ParsedFile& file, plan::PlanOptions options, const plan::Plan& plan,
                       Opened& opened, EventSink& events, CheckReport& report) {
  std::set<int> known;
  const auto note = [&](const plan::Plan& more) {
    for (const plan::Stage& stage : more.stages) known.insert(stage.index);
  };
  note(plan);
  for (int index = static_cast<int>(file.stages.size()) - 1; index >= 0; --index) {
    if (known.contains(index)) continue;
    options.target = std::to_string(index);
    Result<std::unique_ptr<plan::Planner>> planner = plan::Planner::create(file, options);
    if (!planner) continue;
    const Result<plan::Plan> other = plan_without_layers(**planner, opened.state, events, opened.next_step);
    if (!other) continue;
    note(*other);
    add_missing(report.warnings, other->warnings);
  }
}

}  // namespace

Result<CheckReport> check_build(const BuildRequest& request, EventSink& events) {
  Opened opened;
  RETURN_IF_ERROR(open(request, events, opened));
  CheckReport report{.source = source_of(opened), .warnings = {}, .error = std::nullopt};
  ASSIGN_OR_RETURN(plan::PlanOptions options, plan_options(request, opened.inputs));
  dockerfile::ParseOutcome parsed = dockerfile::parse_dockerfile_all(report.source.text, report.source.name);
  if (parsed.error) {
    report.warnings = plan::lint_refused(parsed.file, options);
    report.error = std::move(parsed.error);
    return report;
  }
  Result<std::unique_ptr<plan::Planner>> planner = plan::Planner::create(parsed.file, options);
  if (!planner) {
    report.warnings = plan::lint_refused(parsed.file, options);
    report.error = std::move(planner.error());
    return report;
  }
  Result<plan::Plan> plan = plan_without_layers(**planner, opened.state, events, opened.next_step);
  if (plan) add_missing(report.warnings, plan->warnings);
  // A build says nothing about stages it leaves out; whoever checks a file wants to hear about all of it.
  add_missing(report.warnings, (*planner)->early_warnings());
  if (plan && options.target.empty()) lint_other_stages(parsed.file, options, *plan, opened, events, report);
  std::ranges::stable_sort(report.warnings, {}, [](const Warning& warning) { return warning.span.line; });
  report.error = plan ? (*planner)->lint_error(report.warnings) : std::move(plan.error());
  return report;
}

Result<Outline> outline_build(const BuildRequest& request, EventSink& events) {
  Opened opened;
  RETURN_IF_ERROR(open(request, events, opened));
  ASSIGN_OR_RETURN(const plan::PlanOptions options, plan_options(request, opened.inputs));
  ASSIGN_OR_RETURN(
      const dockerfile::ParsedFile file,
      dockerfile::parse_dockerfile(opened.inputs.dockerfile.text, opened.inputs.dockerfile.name));
  ASSIGN_OR_RETURN(Outline outline, plan::make_outline(file, options));
  outline.source = source_of(opened);
  return outline;
}

Result<TargetList> list_targets(const BuildRequest& request, EventSink& events) {
  Opened opened;
  RETURN_IF_ERROR(open(request, events, opened));
  ASSIGN_OR_RETURN(
      const dockerfile::ParsedFile file,
      dockerfile::parse_dockerfile(opened.inputs.dockerfile.text, opened.inputs.dockerfile.name));
  TargetList list{.source = source_of(opened), .targets = {}};
  for (const dockerfile::Stage& stage : file.stages)
    list.targets.push_back({.name = stage.from.stage_name,
                            .is_default = &stage == &file.stages.back(),
                            .description = stage.description,
                            .base = stage.from.base,
                            .platform = stage.from.platform,
                            .span = stage.from_instruction.span});
  return list;
}

}  // namespace shale
