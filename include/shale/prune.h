// SPDX-License-Identifier: Apache-2.0
// Giving back what the store keeps beside the images that have a name.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "shale/error.h"

namespace shale {

struct PruneReport {
  std::uint64_t cache_records = 0;
  std::uint64_t images = 0;        // without a name
  std::uint64_t cache_mounts = 0;  // of RUN --mount=type=cache
  std::uint64_t bytes =
      0;  // of the layers and blobs that went, as far as known; cache mounts are not counted
};

// Removes the build cache, images without a name and cache mounts, each if it was not used (an image: made)
// for `unused_for`, and what only they held. What a running build holds stays. Needs no free space.
// `store_root` empty = default_store_root().
Result<PruneReport> prune_store(const std::string& store_root, std::chrono::seconds unused_for);

}  // namespace shale
