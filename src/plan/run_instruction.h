// SPDX-License-Identifier: Apache-2.0
// RUN: from the instruction to a node with a RunOp.
#pragma once

#include "plan/stage_writer.h"

namespace shale::plan {

Status plan_run(StageWriter& writer, const dockerfile::Instruction& instruction, const dockerfile::Run& run);

}  // namespace shale::plan
