// SPDX-License-Identifier: Apache-2.0
// The lists that `shale images` and `shale history` print.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shale/images.h"

namespace shale::cli {

struct ListStyle {
  std::string format;     // see render_listing()
  bool ids_only = false;  // each once, whatever the format
  bool whole = false;     // ids with "sha256:" and all digits, and whole instructions
  bool digests = false;   // a column for them
  bool exact = false;     // sizes in bytes and times as dates
  std::chrono::system_clock::time_point now;
};

Result<std::string> render_images(std::span<const ImageSummary> images, const ListStyle& style);
Result<std::string> render_history(std::span<const HistoryStep> steps, const ListStyle& style);

}  // namespace shale::cli
