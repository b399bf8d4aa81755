// SPDX-License-Identifier: Apache-2.0
// pack: a layer directory becomes a blob.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "layer/archive.h"
#include "layer/manifest.h"

namespace shale::layer {

struct PackOptions {
  Compression compression = Compression::kGzip;
  int level = -1;                              // as in PackLayerSpec
  int threads = 0;                             // as in PackLayerSpec
  std::optional<std::int64_t> latest_mtime_s;  // as in PackLayerSpec
  std::function<void(std::uint64_t tar_bytes)> progress;
};

struct PackOutcome {
  Digest diff_id;
  std::uint64_t tar_bytes = 0;
  Digest blob_digest;
  std::uint64_t blob_bytes = 0;
};

// Writes the blob to `output_fd`. Every 4 MiB of the tar are compressed on their own (a gzip member, a zstd
// frame), so the bytes do not depend on the number of threads.
Result<PackOutcome> pack(const LayerManifest& manifest, int fs_fd, int output_fd, const PackOptions& options);

}  // namespace shale::layer
