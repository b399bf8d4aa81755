// SPDX-License-Identifier: Apache-2.0
// The sandbox of isolation chroot: a command in a tree of its own and in nothing else of its own. Part of
// shale-runtime.
#pragma once

#include "runtime/oom_score.h"
#include "runtime/sandbox_spec.h"

namespace shale::runtime {

// Runs the command of `spec` and returns when every process it has left is gone and the tree is as it was but
// for what the command did. Two processes of ours: the guard (the caller), which moves things into the tree
// and out of it, and the keeper, which starts the command. Orphans become children of the keeper; if that is
// killed, of the guard; if the guard is killed, the keeper ends it all.
void run_in_chroot(const SandboxSpec& spec, OomScore& score);

}  // namespace shale::runtime
