// SPDX-License-Identifier: Apache-2.0
// Docker archives: what docker save writes and docker load reads.
#pragma once

#include <string>
#include <vector>

#include "export/image_bundle.h"
#include "export/progress.h"

namespace shale::exporter {

// All images in one tar, in the form docker has written since version 25: manifest.json beside an OCI layout.
// Layers made here are uncompressed and come straight from their directories; a layer that was pulled is the
// blob as it came (docker load and podman load take compressed ones). `path` "-" is standard output; a file
// appears under its name when it is complete.
Status write_docker_archive(store::Store& store, store::BuildLease& lease,
                            const std::vector<ImageBundle>& images, const std::string& path,
                            const Progress& progress);

}  // namespace shale::exporter
