// SPDX-License-Identifier: Apache-2.0
// PlanOptions of a request: what of it the planner needs.
#pragma once

#include "build/build_inputs.h"
#include "plan/planner.h"
#include "shale/build.h"

namespace shale::build {

// An error for a platform that cannot be read.
Result<plan::PlanOptions> plan_options(const BuildRequest& request, const BuildInputs& inputs);

}  // namespace shale::build
