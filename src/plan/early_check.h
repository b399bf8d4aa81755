// SPDX-License-Identifier: Apache-2.0
// What is wrong with an instruction whatever its variables hold, told before any image was asked for.
#pragma once

#include <vector>

#include "dockerfile/parse.h"

namespace shale::plan {

// Errors of mounts, modes, signals and ports that are written without variables, and of expansions that
// cannot be read
// ("${A"). In the order of lines, each with its place.
std::vector<Error> check_early(const dockerfile::ParsedFile& file, const dockerfile::Stage& stage);

}  // namespace shale::plan
