// SPDX-License-Identifier: Apache-2.0
// The options of `shale build` about the commands of RUN: limits, host names, security.
#pragma once

#include "cli/command_line.h"
#include "cli/mistakes.h"
#include "shale/build.h"

namespace shale::cli {

void take_run_options(BuildRequest& request, const CommandLine& line, Mistakes& mistakes);

}  // namespace shale::cli
