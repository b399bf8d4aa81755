// SPDX-License-Identifier: Apache-2.0
#include "export/layer_packing.h"

#include "store/layers.h"

namespace shale::exporter {

Result<LayerPacking> LayerPacking::start(store::Store& store, const std::string& layer_id, std::string label,
                                         const CompressionOptions& options,
                                         std::optional<std::int64_t> latest_mtime_s) {
  ASSIGN_OR_RETURN(const std::optional<store::LayerRecord> record, store.layers().find(layer_id));
  ASSIGN_OR_RETURN(store::BlobWriter writer, store.blobs().create());
  const layer::PackLayerSpec spec{.fs_path = store.layers().fs_path_absolute(layer_id),
                                  .manifest_path = store.layers().manifest_path_absolute(layer_id),
                                  .compression = options.compression,
                                  .level = options.level,
                                  .latest_mtime_s = latest_mtime_s,
                                  .output_fd = writer.fd()};
  ASSIGN_OR_RETURN(layer::ArchiveJob job, layer::start_pack_layer(spec));
  return LayerPacking(std::move(label), options.compression, record ? record->tar_bytes : 0,
                      std::move(writer), std::move(job));
}

Result<bool> LayerPacking::advance(const Progress& progress) {
  ASSIGN_OR_RETURN(const bool done, job_.poll());
  progress.item(label_, job_.progress().bytes, tar_bytes_);
  return done;
}

Result<Digest> LayerPacking::finish(const Progress& progress) {
  ASSIGN_OR_RETURN(result_, job_.wait());
  progress.item(label_, result_.tar_bytes, result_.tar_bytes, true);
  return result_.diff_id;
}

Result<image::Descriptor> LayerPacking::keep(store::Store& store, store::BuildLease& lease) {
  image::Descriptor blob{.media_type = std::string(oci_layer_type(compression_))};
  ASSIGN_OR_RETURN(blob.digest, writer_.commit(lease, result_.blob_digest));
  blob.size = writer_.size();
  RETURN_IF_ERROR(store.layers().add_blob(result_.diff_id, blob));
  return blob;
}

}  // namespace shale::exporter
