// SPDX-License-Identifier: Apache-2.0
// Nodes that fetch files from the network, for ADD and for named contexts.
#pragma once

#include <string>

#include "plan/plan.h"

namespace shale::plan {

// The node of `plan` that does `op`: one for all that ask for the same. `stage` is an index in plan.stages,
// or -1. References to nodes are no longer valid afterwards.
NodeId remote_node(Plan& plan, const RemoteOp& op, int stage, const SourceSpan& span, bool no_cache);

// The name of the file that ADD makes of an address: the last part of its path, or "__unnamed__".
std::string name_of_url(const std::string& url);

}  // namespace shale::plan
