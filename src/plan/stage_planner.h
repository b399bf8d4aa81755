// SPDX-License-Identifier: Apache-2.0
// StagePlanner: walks the instructions of one stage and turns them into nodes, config and history.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "dockerfile/lint.h"
#include "plan/plan.h"
#include "plan/planner.h"
#include "plan/stage_graph.h"

namespace shale::plan {

// What a stage hands on to a stage that is FROM it, beside plan::Stage.
struct StageState {
  Variables environment;  // ENV and ARG values: what RUN and expansion see
  std::vector<std::pair<std::string, std::optional<std::string>>>
      arguments;  // declared ARGs, for RUN's history row
};

// What the stage planner needs from the whole plan.
struct PlanContext {
  const dockerfile::ParsedFile* file = nullptr;
  const PlanOptions* options = nullptr;
  const StageGraph* graph = nullptr;
  dockerfile::LintConfig lint;
  Plan* plan = nullptr;
  // The node whose result a name means; stages have been planned before they are asked for.
  std::function<Result<FileSource>(const Target&, const dockerfile::Instruction&)> source_of;
};

class StagePlanner {
 public:
  // `stage` has base, config and history of its base; `state` likewise.
  StagePlanner(const PlanContext& context, Stage& stage, StageState& state);
  // Runs the triggers, then the stage's own instructions.
  Status run();

 private:
  using Instruction = dockerfile::Instruction;

  Status dispatch(const Instruction& instruction);
  Status plan_env(const Instruction& instruction, const dockerfile::Env& env);
  Status plan_label(const Instruction& instruction, const dockerfile::Label& label);
  Status plan_arg(const Instruction& instruction, const dockerfile::Arg& arg);
  Status plan_workdir(const Instruction& instruction, const dockerfile::Workdir& workdir);
  Status plan_run(const Instruction& instruction, const dockerfile::Run& run);
  Status plan_copy(const Instruction& instruction, const dockerfile::Copy& copy, bool is_add);
  Status check_remotes(const Instruction& instruction, const CopyOp& op) const;
  Status plan_expose(const Instruction& instruction, const dockerfile::Expose& expose);
  Status plan_simple(const Instruction& instruction);
  Result<MountOp> plan_mount(const Instruction& instruction, const dockerfile::MountText& text);

  void snapshot_source(const Instruction& instruction, MountOp& mount);
  Result<std::string> expand(const Instruction& instruction, std::string_view word);
  Result<std::string> expand_heredoc(const Instruction& instruction, std::string_view text);
  void warn_unset(const Instruction& instruction, const std::vector<std::string>& names);
  [[nodiscard]] std::string title(const Instruction& instruction);
  [[nodiscard]] std::vector<std::string> with_shell(const dockerfile::CommandLine& command) const;
  [[nodiscard]] std::string absolute(std::string_view path) const;
  Node& add_node(const Instruction& instruction);
  void add_history(std::string created_by, NodeId node = kNoNode);
  [[nodiscard]] Error at(const Instruction& instruction, const Error& error,
                         std::string_view word = {}) const;

  const PlanContext& context_;
  Stage& stage_;
  StageState& state_;
  const StageNames& names_;
  int shown_total_ = 0;  // "3/5" in titles: FROM and everything that makes a layer
  int shown_index_ = 1;
  bool cmd_set_here_ = false;
};

// How many instructions of a stage make a layer: the 5 of "[build 3/5]", but for FROM.
int layer_count(const StageNames& stage);

// "/a" + "../b" → "/b"; always absolute, without a trailing slash.
std::string clean_path(std::string_view path);

}  // namespace shale::plan
