// SPDX-License-Identifier: Apache-2.0
// From the command line of `shale build` to a BuildRequest.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/command_line.h"
#include "shale/build.h"

namespace shale::cli {

// A variable of the caller's environment, if it is set.
using Environment = std::function<std::optional<std::string>(const std::string&)>;

// Checks every value; all wrong ones are reported together. A --build-arg without value takes it from the
// environment, and is left out if it is not set there.
Result<BuildRequest> make_build_request(const CommandLine& line, const Environment& environment);

}  // namespace shale::cli
