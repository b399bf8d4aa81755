// SPDX-License-Identifier: Apache-2.0
#include "export/docker_archive.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <memory>

#include "base/json.h"
#include "export/layer_blob.h"
#include "export/layout_target.h"
#include "export/manifest_options.h"
#include "layer/tar_writer.h"
#include "store/blobs.h"
#include "store/layers.h"
#include "store/store.h"
#include "sys/files.h"

namespace shale::exporter {

namespace {

// The layer's blob, or its tar made on the way.
Result<image::Descriptor> add_layer(store::Store& store, store::BuildLease& lease, const Digest& diff_id,
                                    const std::string& layer_id, LayoutTarget& target) {
  ASSIGN_OR_RETURN(const std::optional<image::Descriptor> blob,
                   existing_blob(store, lease, diff_id, layer::Compression::kNone));
  if (blob) {
    ASSIGN_OR_RETURN(const UniqueFd fd, store.blobs().open(blob->digest));
    RETURN_IF_ERROR(target.add_blob(blob->digest, blob->size, fd.get()));
    return *blob;
  }
  ASSIGN_OR_RETURN(const std::optional<store::LayerRecord> record, store.layers().find(layer_id));
  if (!record)
    return fail(
        Error(ErrorKind::kNotFound,
              fmt::format("the store has neither a directory nor a blob of layer {}", diff_id.to_string()))
            .hint("pull or build the image again"));
  ASSIGN_OR_RETURN(const auto manifest, store.layers().load_manifest(layer_id));
  ASSIGN_OR_RETURN(const UniqueFd fs,
                   sys::open_at(store.root_fd(), store::Layers::fs_path(layer_id), O_RDONLY | O_DIRECTORY));
  RETURN_IF_ERROR(target.add_blob(diff_id, record->tar_bytes, [&](const layer::ByteSink& sink) {
    return layer::write_layer_tar(*manifest, fs.get(), sink);
  }));
  return image::Descriptor{
      .media_type = std::string(image::kOciLayer), .digest = diff_id, .size = record->tar_bytes};
}

std::string blob_path(const Digest& digest) { return "blobs/sha256/" + digest.hex(); }

}  // namespace

Status write_docker_archive(store::Store& store, store::BuildLease& lease,
                            const std::vector<ImageBundle>& images, const std::string& path,
                            const Progress& progress) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TarTarget> target, TarTarget::create(path, progress));
  image::Index index;
  index.media_type = image::kOciIndex;
  Json list = Json::array();
  for (const ImageBundle& bundle : images) {
    std::vector<image::Descriptor> layers;
    Json paths = Json::array();
    for (std::size_t i = 0; i < bundle.diff_ids.size(); ++i) {
      RETURN_IF_ERROR(progress.check());
      ASSIGN_OR_RETURN(image::Descriptor layer,
                       add_layer(store, lease, bundle.diff_ids[i], bundle.layer_ids[i], *target));
      progress.item("writing " + bundle.diff_ids[i].short_hex(), layer.size, layer.size, true);
      paths.push_back(blob_path(layer.digest));
      layers.push_back(std::move(layer));
    }
    const BuiltManifest built = manifest_of(bundle, std::move(layers));
    RETURN_IF_ERROR(target->add_blob(bundle.id, bundle.config_json));
    RETURN_IF_ERROR(target->add_blob(built.digest, built.json));
    for (image::Descriptor& entry : index_entries(bundle, {.media_type = std::string(image::kOciManifest),
                                                           .digest = built.digest,
                                                           .size = built.json.size()}))
      index.manifests.push_back(std::move(entry));
    Json tags = nullptr;  // as docker writes it for an image without a name
    for (const image::ImageRef& name : bundle.names)
      if (!name.tag.empty()) tags.push_back(name.familiar_repository() + ":" + name.tag);
    list.push_back(
        {{"Config", blob_path(bundle.id)}, {"RepoTags", std::move(tags)}, {"Layers", std::move(paths)}});
  }
  RETURN_IF_ERROR(target->add_document("index.json", index.to_json()));
  RETURN_IF_ERROR(target->add_document("manifest.json", dump_json(list)));
  RETURN_IF_ERROR(target->add_document("oci-layout", R"({"imageLayoutVersion":"1.0.0"})"));
  return target->finish();
}

}  // namespace shale::exporter
