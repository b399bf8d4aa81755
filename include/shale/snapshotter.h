// SPDX-License-Identifier: Apache-2.0
// How the root directory of a RUN is made from its layers, best first.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "shale/error.h"

namespace shale {

enum class Snapshotter : std::uint8_t {
  kOverlay,  // overlayfs; what a command writes goes to the store
  kTmpfs,    // overlayfs; it goes to memory, and to the store when the command has ended
  kClone,    // a copy of the layers, in which it is found afterwards
};

// "overlay", "tmpfs" or "clone".
const char* snapshotter_name(Snapshotter snapshotter);

// The value of SHALE_SNAPSHOTTER: one of these names, or nothing for "". Anything else is kUsage.
Result<std::optional<Snapshotter>> parse_snapshotter(std::string_view text);

}  // namespace shale
