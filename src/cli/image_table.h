// SPDX-License-Identifier: Apache-2.0
// The list of images that `shale images` prints.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shale/images.h"

namespace shale::cli {

// Those whose repository, or repository and tag, is `name`; all if it is empty.
std::vector<ImageSummary> matching_images(std::vector<ImageSummary> images, std::string_view name);

struct ImageListStyle {
  enum class Form : std::uint8_t { kTable, kJson, kIds };
  Form form = Form::kTable;
  bool whole_ids = false;  // "sha256:" and all digits
  std::chrono::system_clock::time_point now;
};

// Docker's table, one JSON object per line, or each id once. Ends with a newline if there is anything.
std::string render_images(std::span<const ImageSummary> images, const ImageListStyle& style);

}  // namespace shale::cli
