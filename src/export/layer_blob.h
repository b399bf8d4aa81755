// SPDX-License-Identifier: Apache-2.0
// Layers as blobs: those the store has, and new ones made from layer directories.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "export/compression.h"
#include "export/image_bundle.h"
#include "export/progress.h"
#include "image/manifest.h"

namespace shale::exporter {

// Blobs in the store for all layers of an image, lowest first. For each: an existing one of the wanted
// compression, else one that is compressed in another way, else a new one packed from the layer's directory,
// which is recorded (Layers::add_blob) and will be found next time; two layers are packed at a time. A layer
// that came from elsewhere keeps the bytes it came with, whatever they are, because its tar cannot be made
// again. The media types are OCI's. The lease holds the blobs. kNotFound if a layer has neither a blob nor a
// directory.
Result<std::vector<image::Descriptor>> blobs_of_layers(store::Store& store, store::BuildLease& lease,
                                                       const ImageBundle& bundle,
                                                       const CompressionOptions& options,
                                                       const Progress& progress);

// A blob that the store has already, of the preferred compression if there is a choice, held by the lease.
Result<std::optional<image::Descriptor>> existing_blob(store::Store& store, store::BuildLease& lease,
                                                       const Digest& diff_id, layer::Compression preferred);

}  // namespace shale::exporter
