// SPDX-License-Identifier: Apache-2.0
// Outputs: what -o asks for, written from the finished build.
#pragma once

#include <optional>
#include <vector>

#include "build/build_state.h"
#include "export/progress.h"

namespace shale::build {

// Whether an output reads the files of layers (and so has to be written in the build's namespace).
bool needs_files(const OutputSpec& output);

// The names the image gets: -t and the outputs' name=. An invalid one is an error.
Result<std::vector<image::ImageRef>> names_of(const BuildRequest& request);

// Writes one output. `image` is recorded in the store already, if it is kept there.
struct WrittenOutput {
  std::optional<store::ImageManifest> manifest;
};
Result<WrittenOutput> write_output(BuildState& state, const OutputSpec& output,
                                   const store::ImageRecord& image, const std::vector<image::ImageRef>& names,
                                   const exporter::Progress& progress);

}  // namespace shale::build
