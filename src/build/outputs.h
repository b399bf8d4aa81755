// SPDX-License-Identifier: Apache-2.0
// What -o asks for, written from the finished build.
#pragma once

#include <optional>
#include <vector>

#include "build/build_state.h"
#include "export/progress.h"

namespace shale::build {

// The image to record in the store: `image`, or what rewrite-timestamp and source-date-epoch of an output
// that keeps it make of it. Its new layers are blobs.
Result<store::ImageRecord> image_to_keep(BuildState& state, const store::ImageRecord& image,
                                         const exporter::Progress& progress);

// Writes one output. Times: SOURCE_DATE_EPOCH, or the output's source-date-epoch, is that of all files of
// kLocal and kTar; in images it is the latest of what the build made, if the output has rewrite-timestamp.
struct WrittenOutput {
  Digest image_id;  // as written
  std::optional<store::ImageManifest> manifest;
  bool plain_manifest = true;  // the one that the image has without this output's annotations and media types
};
Result<WrittenOutput> write_output(BuildState& state, const WantedOutput& output,
                                   const store::ImageRecord& image, const exporter::Progress& progress);

}  // namespace shale::build
