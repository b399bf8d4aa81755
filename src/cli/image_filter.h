// SPDX-License-Identifier: Apache-2.0
// Which images `shale images` shows.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shale/images.h"

namespace shale::cli {

// Those whose repository, or repository and tag, match the pattern ("a", "a:1", "registry/*"); all if it is
// empty.
std::vector<ImageSummary> matching_images(std::vector<ImageSummary> images, const std::string& pattern);

// docker's --filter: dangling=BOOL, reference=PATTERN, label=KEY[=VALUE], before=IMAGE, since=IMAGE,
// until=AGE. Of several references one has to match, of everything else all.
Result<std::vector<ImageSummary>> filter_images(std::vector<ImageSummary> images,
                                                std::span<const std::string> filters,
                                                std::chrono::system_clock::time_point now);

}  // namespace shale::cli
