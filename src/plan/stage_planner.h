// SPDX-License-Identifier: Apache-2.0
// StagePlanner: walks the instructions of one stage and turns them into nodes, config and history.
#pragma once

#include "plan/stage_writer.h"

namespace shale::plan {

class StagePlanner {
 public:
  // `stage` has base, config and history of its base; `state` likewise.
  StagePlanner(const PlanContext& context, Stage& stage, StageState& state)
      : writer_(context, stage, state) {}
  // Runs the triggers, then the stage's own instructions.
  Status run();

 private:
  using Instruction = dockerfile::Instruction;

  Status dispatch(const Instruction& instruction);
  Status plan_env(const Instruction& instruction, const dockerfile::Env& env);
  Status plan_label(const Instruction& instruction, const dockerfile::Label& label);
  Status plan_arg(const Instruction& instruction, const dockerfile::Arg& arg);
  Status plan_workdir(const Instruction& instruction, const dockerfile::Workdir& workdir);
  Status plan_expose(const Instruction& instruction, const dockerfile::Expose& expose);
  Status plan_simple(const Instruction& instruction);

  StageWriter writer_;
  bool cmd_set_here_ = false;
};

}  // namespace shale::plan
