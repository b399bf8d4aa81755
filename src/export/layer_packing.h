// SPDX-License-Identifier: Apache-2.0
// LayerPacking: one layer directory on its way to being a blob of the store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "export/compression.h"
#include "export/progress.h"
#include "image/manifest.h"
#include "layer/archive.h"
#include "store/blobs.h"
#include "store/lease.h"
#include "store/store.h"

namespace shale::exporter {

// Move-only, one thread. Dropped before keep(), it leaves nothing.
class LayerPacking {
 public:
  // Starts a helper. `label` is what progress is shown under; with `latest_mtime_s` (seconds since 1970),
  // later times are written as that.
  static Result<LayerPacking> start(store::Store& store, const std::string& layer_id, std::string label,
                                    const CompressionOptions& options,
                                    std::optional<std::int64_t> latest_mtime_s = std::nullopt);

  // Readable when there is something to advance().
  [[nodiscard]] int fd() const { return job_.fd(); }
  // Shows how far it is; true: it has ended.
  Result<bool> advance(const Progress& progress);
  // After that: the diff_id of the tar that was packed.
  Result<Digest> finish(const Progress& progress);
  // After that: records the blob under this diff_id (Layers::add_blob), held by `lease`. The media type is
  // OCI's.
  Result<image::Descriptor> keep(store::Store& store, store::BuildLease& lease);

 private:
  LayerPacking(std::string label, layer::Compression compression, std::uint64_t tar_bytes,
               store::BlobWriter writer, layer::ArchiveJob job)
      : label_(std::move(label)),
        compression_(compression),
        tar_bytes_(tar_bytes),
        writer_(std::move(writer)),
        job_(std::move(job)) {}

  std::string label_;
  layer::Compression compression_;
  std::uint64_t tar_bytes_;  // expected; 0 = not known
  store::BlobWriter writer_;
  layer::ArchiveJob job_;
  layer::ArchiveResult result_;
};

}  // namespace shale::exporter
