// SPDX-License-Identifier: Apache-2.0
// Any bytes as a Dockerfile: parsed, linted and, when it is whole, planned with a base image that hands it
// its own ONBUILD triggers. Every place that is named must lie in the file, and errors survive the way
// between processes.
#include <algorithm>

#include "dockerfile/chmod.h"
#include "dockerfile/lint.h"
#include "dockerfile/parse.h"
#include "fuzz.h"
#include "plan/planner.h"

namespace shale {
namespace {

using fuzz::check;

void check_span(const SourceSpan& span, int lines) {
  check(span.line >= 1 && span.line <= lines, "a place's line is in the file");
  check(span.end_line == 0 || (span.end_line >= span.line && span.end_line <= lines),
        "a place ends in the file");
  check(span.column >= 0 && span.length >= 0, "columns are not negative");
}

void check_error(const Error& error, int lines) {
  // An error of the whole file names no line; one of a trigger names the image it came from.
  const SourceSpan* span = error.span();
  if (span != nullptr && span->file == "Dockerfile" && span->line != 0) check_span(*span, lines);
  const std::string bytes = error.serialize();
  check(Error::deserialize(bytes).serialize() == bytes, "errors survive serialisation");
  check(render(error, false).ends_with('\n'), "errors have a text");
  for (const Error& other : error.others()) check_error(other, lines);
}

// The triggers a child of this file's image would run, and our own small base.
image::ImageConfig base_config(const dockerfile::ParsedFile& file) {
  image::ImageConfig config;
  config.env = {"PATH=/bin", "A=a b", "Q='\""};
  config.working_dir = "/w";
  for (const dockerfile::Instruction& instruction : file.stages.front().instructions) {
    if (const auto* trigger = std::get_if<dockerfile::OnBuild>(&instruction.body))
      config.on_build.push_back(trigger->trigger);
  }
  return config;
}

void check_plan(const plan::Plan& plan, int lines) {
  check(plan.target < plan.stages.size(), "the target is a stage of the plan");
  // That nobody consumed a build argument is said of the whole file.
  for (const Warning& warning : plan.warnings)
    if (warning.span.line != 0) check_span(warning.span, lines);
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    const plan::Node& node = plan.nodes[i];
    const auto id = static_cast<plan::NodeId>(i);
    check(node.id == id && node.parent < id, "parents come first");
    check(std::ranges::all_of(node.inputs, [&](plan::NodeId input) { return input >= 0 && input < id; }),
          "inputs come first");
    if (const auto* copy = std::get_if<plan::CopyOp>(&node.op)) {
      check(copy->destination.starts_with('/'), "COPY's destination is absolute");
      if (copy->chmod) {
        if (const auto chmod = dockerfile::Chmod::parse(*copy->chmod))
          check((chmod->apply(0644, false) & ~07777U) == 0, "modes are permission bits only");
      }
    } else if (const auto* run = std::get_if<plan::RunOp>(&node.op)) {
      check(run->working_dir.starts_with('/'), "RUN's directory is absolute");
    }
  }
}

void plan_file(dockerfile::ParsedFile file, int lines) {
  const image::ImageConfig config = base_config(file);
  plan::PlanOptions options;
  options.build_args = {{"ARG_FROM_OUTSIDE", "${A}"}, {"BUILDKIT_DOCKERFILE_CHECK", ""}};
  const auto planner = plan::Planner::create(std::move(file), std::move(options));
  if (!planner) return check_error(planner.error(), lines);
  for (;;) {
    const auto needs = (*planner)->needs();
    if (!needs) return check_error(needs.error(), lines);
    if (needs->empty()) break;
    for (const plan::ImageNeed& need : *needs) (*planner)->provide(need, config);
  }
  const auto plan = (*planner)->plan();
  if (!plan) return check_error(plan.error(), lines);
  check_plan(*plan, lines);
}

}  // namespace
}  // namespace shale

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace shale;
  const fuzz::CpuLimit limit;
  const std::string text(reinterpret_cast<const char*>(data), size);
  // A file without a newline at its end has one line more than newlines, and an error "at the end" may name
  // that line.
  const int lines = static_cast<int>(std::ranges::count(text, '\n')) + 1;
  dockerfile::ParseOutcome outcome = dockerfile::parse_dockerfile_all(text, "Dockerfile");
  for (const Warning& warning : dockerfile::lint(outcome.file, {})) check_span(warning.span, lines);
  for (const dockerfile::Stage& stage : outcome.file.stages) {
    check_span(stage.from_instruction.span, lines);
    for (const dockerfile::Instruction& instruction : stage.instructions) check_span(instruction.span, lines);
  }
  if (outcome.error) {
    check_error(*outcome.error, lines);
    return 0;
  }
  check(!outcome.file.stages.empty(), "a whole file has a stage");
  plan_file(std::move(outcome.file), lines);
  return 0;
}
