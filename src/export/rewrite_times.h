// SPDX-License-Identifier: Apache-2.0
// rewrite_times: an image again, with no file of its own layers later than SOURCE_DATE_EPOCH.
#pragma once

#include <cstddef>
#include <cstdint>

#include "export/image_bundle.h"
#include "export/layer_blob.h"
#include "export/progress.h"

namespace shale::exporter {

// `bundle` with times above `latest_s` (seconds since 1970) brought down to it in the layers from `first` on
// (0 = the lowest; those below are the base image's and stay as they are). A layer in which there are such
// times becomes another one, with another diff_id, and the image another one with another config and id. It
// has a blob of `compression`, recorded under the new diff_id and held by the lease, and no directory. What
// became of which layer is not recorded: every export packs such layers again; blobs that no image names go
// with the next image that is removed. Runs where the layers' files can be read.
Result<ImageBundle> rewrite_times(store::Store& store, store::BuildLease& lease, ImageBundle bundle,
                                  std::size_t first, std::int64_t latest_s,
                                  const CompressionOptions& compression, const Progress& progress);

// `bundle` with the config's time, and those of its history from row `first_row` on, brought down to
// `latest_s`.
Result<ImageBundle> limit_config_times(ImageBundle bundle, std::size_t first_row, std::int64_t latest_s);

}  // namespace shale::exporter
