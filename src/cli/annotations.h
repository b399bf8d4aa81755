// SPDX-License-Identifier: Apache-2.0
// --annotation: metadata of manifests, given to the outputs that write one.
#pragma once

#include <string>
#include <vector>

#include "shale/build.h"

namespace shale::cli {

// Adds each "[TYPE[[PLATFORM]][,TYPE…]:]KEY=VALUE" to the attributes of the outputs that write a manifest.
// What is wrong with a type or a platform is said when the attributes are read.
Status add_annotations(const std::vector<std::string>& texts, std::vector<OutputSpec>& outputs);

// Whether an output writes a manifest.
bool has_manifest(const OutputSpec& output);

}  // namespace shale::cli
