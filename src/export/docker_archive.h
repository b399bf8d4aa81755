// SPDX-License-Identifier: Apache-2.0
// Docker archives: what docker save writes and docker load reads.
#pragma once

#include <string>
#include <vector>

#include "export/image_bundle.h"
#include "export/progress.h"

namespace shale::exporter {

// All images in one tar, in the form docker has written since version 25: manifest.json beside an OCI layout.
// A layer that the store has a blob of (it was pulled, or pushed before) is that blob: docker load and podman
// load take compressed ones. The others are uncompressed and come straight from their directories. `path` "-"
// is standard output; a file appears under its name when it is complete.
Status write_docker_archive(store::Store& store, store::BuildLease& lease,
                            const std::vector<ImageBundle>& images, const std::string& path,
                            const Progress& progress);

}  // namespace shale::exporter
