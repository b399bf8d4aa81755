// SPDX-License-Identifier: Apache-2.0
// Outline: the arguments, secrets, agents and caches that a target takes, from the tree and the options
// alone.
#pragma once

#include "plan/planner.h"
#include "shale/inspect.h"

namespace shale::plan {

// Everything but Outline::source. Errors are those of Planner::create(). What an image's ONBUILD would add is
// not known here and left out.
Result<Outline> make_outline(const dockerfile::ParsedFile& file, const PlanOptions& options);

}  // namespace shale::plan
