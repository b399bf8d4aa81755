// SPDX-License-Identifier: Apache-2.0
#include "export/oci_layout.h"

#include <algorithm>
#include <memory>

#include "export/layout_target.h"
#include "store/blobs.h"
#include "store/store.h"

namespace shale::exporter {

namespace {

constexpr std::string_view kLayoutVersion = R"({"imageLayoutVersion":"1.0.0"})";

struct Written {
  std::vector<WrittenManifest> manifests;
  image::Index index;
};

// Everything but the documents.
Result<Written> write_blobs(store::Store& store, store::BuildLease& lease,
                            const std::vector<ImageBundle>& images, LayoutTarget& target,
                            const LayoutOptions& options, const Progress& progress) {
  Written written;
  written.index.media_type = image::kOciIndex;
  written.index.annotations = options.annotations;
  for (const ImageBundle& bundle : images) {
    ASSIGN_OR_RETURN(std::vector<image::Descriptor> layers,
                     blobs_of_layers(store, lease, bundle, options.compression, progress));
    for (const image::Descriptor& layer : layers) {
      RETURN_IF_ERROR(progress.check());
      ASSIGN_OR_RETURN(const UniqueFd blob, store.blobs().open(layer.digest));
      RETURN_IF_ERROR(target.add_blob(layer.digest, layer.size, blob.get()));
      progress.item("writing " + layer.digest.short_hex(), layer.size, layer.size, true);
    }
    BuiltManifest built = manifest_of(bundle, std::move(layers), options.manifest);
    RETURN_IF_ERROR(target.add_blob(bundle.id, bundle.config_json));
    RETURN_IF_ERROR(target.add_blob(built.digest, built.json));
    const image::Descriptor descriptor{
        .media_type = built.manifest.media_type, .digest = built.digest, .size = built.json.size()};
    for (image::Descriptor& entry : index_entries(bundle, descriptor)) {
      if (entry.platform)
        entry.annotations.merge(
            options.manifest.annotations_for(Annotation::Place::kDescriptor, *entry.platform));
      written.index.manifests.push_back(std::move(entry));
    }
    written.manifests.push_back({built.digest, built.manifest.media_type, std::move(built.json)});
  }
  return written;
}

std::string name_of(const image::Descriptor& entry) {
  for (const char* key : {"io.containerd.image.name", "org.opencontainers.image.ref.name"})
    if (const auto found = entry.annotations.find(key); found != entry.annotations.end())
      return found->second;
  return {};
}

}  // namespace

Result<std::vector<WrittenManifest>> write_oci_archive(store::Store& store, store::BuildLease& lease,
                                                       const std::vector<ImageBundle>& images,
                                                       const std::string& path, const LayoutOptions& options,
                                                       const Progress& progress) {
  ASSIGN_OR_RETURN(const std::unique_ptr<TarTarget> target, TarTarget::create(path, progress));
  ASSIGN_OR_RETURN(Written written, write_blobs(store, lease, images, *target, options, progress));
  RETURN_IF_ERROR(target->add_document("index.json", written.index.to_json()));
  RETURN_IF_ERROR(target->add_document("oci-layout", kLayoutVersion));
  RETURN_IF_ERROR(target->finish());
  return std::move(written.manifests);
}

Result<std::vector<WrittenManifest>> write_oci_directory(store::Store& store, store::BuildLease& lease,
                                                         const std::vector<ImageBundle>& images,
                                                         const std::string& path,
                                                         const LayoutOptions& options,
                                                         const Progress& progress) {
  ASSIGN_OR_RETURN(const std::unique_ptr<DirectoryTarget> target, DirectoryTarget::create(path, progress));
  ASSIGN_OR_RETURN(std::optional<image::Index> existing, target->existing_index());
  ASSIGN_OR_RETURN(Written written, write_blobs(store, lease, images, *target, options, progress));
  if (existing) {
    const std::vector<image::Descriptor>& added = written.index.manifests;
    std::erase_if(existing->manifests, [&](const image::Descriptor& old) {
      return std::ranges::any_of(added, [&](const image::Descriptor& entry) {
        return name_of(entry).empty() ? entry.digest == old.digest : name_of(entry) == name_of(old);
      });
    });
    std::ranges::copy(added, std::back_inserter(existing->manifests));
    written.index.manifests = std::move(existing->manifests);
  }
  RETURN_IF_ERROR(target->add_document("oci-layout", kLayoutVersion));
  RETURN_IF_ERROR(target->add_document("index.json", written.index.to_json()));
  RETURN_IF_ERROR(target->finish());
  return std::move(written.manifests);
}

}  // namespace shale::exporter
