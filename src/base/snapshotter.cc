// SPDX-License-Identifier: Apache-2.0
#include "shale/snapshotter.h"

#include <fmt/format.h>

namespace shale {

const char* snapshotter_name(Snapshotter snapshotter) {
  switch (snapshotter) {
    case Snapshotter::kOverlay:
      return "overlay";
    case Snapshotter::kTmpfs:
      return "tmpfs";
    case Snapshotter::kClone:
      break;
  }
  return "clone";
}

Result<std::optional<Snapshotter>> parse_snapshotter(std::string_view text) {
  if (text.empty()) return std::nullopt;
  for (const Snapshotter snapshotter : {Snapshotter::kOverlay, Snapshotter::kTmpfs, Snapshotter::kClone})
    if (text == snapshotter_name(snapshotter)) return snapshotter;
  return fail(Error(ErrorKind::kUsage, fmt::format("unknown SHALE_SNAPSHOTTER '{}'", text))
                  .hint("it takes overlay, tmpfs or clone"));
}

}  // namespace shale
