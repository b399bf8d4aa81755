// SPDX-License-Identifier: Apache-2.0
// OCI image layouts, as a directory or a tar.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "export/image_bundle.h"
#include "export/layer_blob.h"
#include "export/manifest_options.h"
#include "export/progress.h"
#include "shale/digest.h"

namespace shale::exporter {

struct LayoutOptions {
  CompressionOptions compression;
  ManifestOptions manifest;
  // Goes into the index beside each name; empty = the names only.
  std::map<std::string, std::string> annotations;
};

// What was written, for ImageRecord::manifest and --metadata-file: one for each bundle.
struct WrittenManifest {
  Digest digest;
  std::string media_type;
  std::string json;
};

// One tar with all images. `path` "-" is standard output. A file appears under its name when it is complete;
// on error nothing of it remains. Blobs are made in the store on the way.
Result<std::vector<WrittenManifest>> write_oci_archive(store::Store& store, store::BuildLease& lease,
                                                       const std::vector<ImageBundle>& images,
                                                       const std::string& path, const LayoutOptions& options,
                                                       const Progress& progress);

// A directory: made if missing; a layout that is there already gets the images added, replacing those of the
// same names. Anything else that is not empty is refused. index.json is written last, so that the layout is
// right at any moment.
Result<std::vector<WrittenManifest>> write_oci_directory(store::Store& store, store::BuildLease& lease,
                                                         const std::vector<ImageBundle>& images,
                                                         const std::string& path,
                                                         const LayoutOptions& options,
                                                         const Progress& progress);

}  // namespace shale::exporter
