// SPDX-License-Identifier: Apache-2.0
// COPY and ADD: from the instruction to a node with a CopyOp.
#pragma once

#include "plan/stage_writer.h"

namespace shale::plan {

// ADD is a Copy with `is_add`: remote sources, and archives that are unpacked.
Status plan_copy(StageWriter& writer, const dockerfile::Instruction& instruction,
                 const dockerfile::Copy& copy, bool is_add);

}  // namespace shale::plan
