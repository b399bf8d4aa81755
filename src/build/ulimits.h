// SPDX-License-Identifier: Apache-2.0
// The resource limits of a command: those of --ulimit, and what it has without them.
#pragma once

#include <vector>

#include "runtime/sandbox_spec.h"
#include "shale/run_options.h"

namespace shale::build {

// `ulimits`, the last one of each name, and for what they do not name our defaults: 1024 open files, at most
// 524288 (a loop that closes every possible descriptor takes minutes with more), and no core files. What
// neither names is the builder's own.
std::vector<runtime::ResourceLimit> command_limits(const std::vector<Ulimit>& ulimits);

// Only root may have a hard limit above its own, and in the build's user namespace nobody is. So the builder
// raises its own, before it goes there; an error if it may not, naming the limit and how to get it.
Status allow_limits(const std::vector<Ulimit>& ulimits);

}  // namespace shale::build
