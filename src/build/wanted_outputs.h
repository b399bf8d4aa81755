// SPDX-License-Identifier: Apache-2.0
// WantedOutputs: what -o and -t ask for, read once, before anything is built.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "export/layer_blob.h"
#include "export/manifest_options.h"
#include "image/reference.h"
#include "shale/build.h"

namespace shale::build {

// One -o with its attributes read.
struct WantedOutput {
  OutputSpec spec;
  exporter::CompressionOptions compression;
  exporter::ManifestOptions manifest;
  bool tar = true;              // of kOci: an archive, not a directory
  bool platform_split = false;  // of kLocal
  bool rewrites_times = false;
  // source-date-epoch=: what counts for this output instead of the build's; an empty value is none.
  bool names_epoch = false;
  std::optional<std::int64_t> epoch;

  static Result<WantedOutput> read(const OutputSpec& spec);

  // Its image is another one than the build makes.
  [[nodiscard]] bool changes_image() const { return rewrites_times || epoch; }
  // It puts the image into the store.
  [[nodiscard]] bool keeps_image() const;
  // It reads the files of layers (and so has to be written in the build's namespace).
  [[nodiscard]] bool needs_files() const;
};

struct WantedOutputs {
  std::vector<WantedOutput> all;
  // What the image is called: -t and the outputs' name=.
  std::vector<image::ImageRef> names;

  // An attribute or a name that cannot be is an error.
  static Result<WantedOutputs> read(const BuildRequest& request);

  // The image goes to the store; without any output, too.
  [[nodiscard]] bool keep_image() const;
  [[nodiscard]] bool need_files() const;
};

}  // namespace shale::build
