// SPDX-License-Identifier: Apache-2.0
// newuidmap and newgidmap: where they are, and whether they can be trusted.
#pragma once

#include <string>

#include "shale/error.h"

namespace shale::runtime {

// The absolute path of `name`, owned by root, writable by nobody else, setuid or with file capabilities; else
// an error with the remedy as its hint.
Result<std::string> find_map_helper(const std::string& name);

}  // namespace shale::runtime
