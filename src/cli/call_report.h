// SPDX-License-Identifier: Apache-2.0
// The texts of --call=check, outline and targets, as docker buildx lays them out.
#pragma once

#include <string>

#include "shale/inspect.h"

namespace shale::cli {

// The count, then each warning with its rule, page and excerpt. The report's error is not in it.
std::string render_check(const CheckReport& report);
std::string render_outline(const Outline& outline);
std::string render_targets(const TargetList& list);

}  // namespace shale::cli
