// SPDX-License-Identifier: Apache-2.0
// ImageBundle: an image of the store as its parts, ready to be written somewhere.
#pragma once

#include <string>
#include <vector>

#include "image/reference.h"
#include "shale/digest.h"
#include "store/images.h"

namespace shale::store {
class BuildLease;
class Store;
}  // namespace shale::store

namespace shale::exporter {

struct ImageBundle {
  std::string config_json;  // byte for byte; its digest is `id`
  Digest id;
  std::vector<Digest> diff_ids;  // lowest first
  std::vector<std::string>
      layer_ids;  // a published layer directory for each, "" where the store has only a blob
  std::vector<image::ImageRef> names;  // may be empty
};

// The parts of a recorded image, with layer directories of `encoding` (encoding_of()), which the lease holds
// from now on. kNotFound if a layer has neither a directory nor a blob.
Result<ImageBundle> bundle_of(store::Store& store, store::BuildLease& lease, const store::ImageRecord& image,
                              const std::string& encoding, std::vector<image::ImageRef> names = {});

}  // namespace shale::exporter
