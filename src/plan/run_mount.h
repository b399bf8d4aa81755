// SPDX-License-Identifier: Apache-2.0
// RUN --mount: from its text to a MountOp.
#pragma once

#include "plan/stage_writer.h"

namespace shale::plan {

// Expands `text` and finds what it names. A mount of the user's own files adds a node that copies them first.
Result<MountOp> plan_mount(StageWriter& writer, const dockerfile::Instruction& instruction,
                           const dockerfile::MountText& text);

}  // namespace shale::plan
