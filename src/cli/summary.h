// SPDX-License-Identifier: Apache-2.0
// What stands at the end of a build: its warnings and the table of sizes.
#pragma once

#include <chrono>
#include <string>

#include "cli/display_text.h"
#include "shale/events.h"

namespace shale::cli {

// "Dockerfile:3:6: warning: text [Rule]", then the excerpt. Ends with a newline.
std::string render_warning(const Warning& warning, Colors colors);

// One row per built stage: steps run and cached, time, size of its layers, and what of that is not in the
// result; then the sum, with the time the whole build took. A build of one stage gets the sum alone. Ends
// with a newline.
std::string render_summary(const BuildSummary& summary, std::chrono::nanoseconds build_time, Colors colors);

}  // namespace shale::cli
