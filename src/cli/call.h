// SPDX-License-Identifier: Apache-2.0
// --call and --check: a build that is asked about instead of made.
#pragma once

#include "cli/command_line.h"
#include "shale/build.h"
#include "shale/error.h"

namespace shale::cli {

struct CallRequest {
  enum class Kind : std::uint8_t { kBuild, kCheck, kOutline, kTargets };
  Kind kind = Kind::kBuild;
  bool json = false;
  bool ignore_status = false;  // what a check finds does not show in the exit code
};

// "--call=check,format=json"; "--check". Without either: kBuild.
Result<CallRequest> parse_call(const CommandLine& line);

// Prints what `call`, which is not kBuild, asks for. The exit code is 1 if a check found something.
Result<int> run_call(const CallRequest& call, const BuildRequest& request, EventSink& progress);

}  // namespace shale::cli
