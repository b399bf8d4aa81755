// SPDX-License-Identifier: Apache-2.0
// Recording a foreign image whose blobs are in the store.
#include "export/found_image.h"
#include "export/rfc3339.h"
#include "export/unpack_image.h"
#include "image/config.h"
#include "store/blobs.h"
#include "store/layers.h"
#include "store/store.h"

namespace shale::exporter {

Status record_image(store::Store& store, store::BuildLease& lease, const FoundImage& found,
                    const std::string& encoding, const Progress& progress) {
  ASSIGN_OR_RETURN(ImageUnpacker unpacker,
                   ImageUnpacker::create(store, lease, found.diff_ids, found.blobs, encoding));
  RETURN_IF_ERROR(unpack_all(unpacker, progress));
  return put_image(store, found, unpacker.content_bytes(), {});
}

Status put_image(store::Store& store, const FoundImage& found, std::uint64_t size_bytes,
                 const Digest& registry_digest) {
  // A layer that was there already may have come with other blobs, or with none.
  for (std::size_t i = 0; i < found.blobs.size(); ++i)
    if (store.blobs().has(found.blobs[i].digest))
      RETURN_IF_ERROR(store.layers().add_blob(found.diff_ids[i], found.blobs[i]));
  ASSIGN_OR_RETURN(const image::ImageConfig config, image::ImageConfig::parse(found.config_json));
  const store::ImageRecord record{
      .id = found.id,
      .config_json = found.config_json,
      .diff_ids = found.diff_ids,
      .manifest = found.manifest,
      .created = parse_rfc3339(config.created).value_or(std::chrono::system_clock::time_point{}),
      .size_bytes = size_bytes};
  std::vector<store::TagRecord> tags;
  for (const image::ImageRef& name : found.names)
    tags.push_back({.reference = name.full(), .image = found.id, .manifest_digest = registry_digest});
  return store.images().put(record, tags);
}

}  // namespace shale::exporter
