// SPDX-License-Identifier: Apache-2.0
// Owners that no attribute holds, in a build with one id: the sandbox of a RUN is told them, and tells what
// became of them.
#pragma once

#include <string>

#include "build/build_state.h"
#include "layer/owner_encoding.h"
#include "layer/view.h"

namespace shale::build {

// The journal (runtime::append_journal_entry) for a sandbox whose root is `view`: what is not root's, in the
// root and in what is mounted there.
Result<std::string> owners_below(BuildState& state, const plan::RunOp& op, const layer::SnapshotView& view);

// What the sandbox has written to this file: every such name of its root.
Result<layer::OwnersBeside> recorded_owners(int journal_fd);

}  // namespace shale::build
