// SPDX-License-Identifier: Apache-2.0
// shale save.
#include <fmt/format.h>

#include <algorithm>

#include "export/docker_archive.h"
#include "export/oci_layout.h"
#include "export/transfer.h"
#include "store/images.h"

namespace shale {

namespace {

using namespace exporter;

// The images of the names; several names of one image come together.
Result<std::vector<ImageBundle>> bundles_of(store::Store& store, store::BuildLease& lease,
                                            const std::vector<std::string>& names,
                                            const std::string& encoding) {
  std::vector<ImageBundle> bundles;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(const store::ResolvedImage resolved, store.images().resolve(name));
    auto bundle = std::ranges::find(bundles, resolved.image.id, &ImageBundle::id);
    if (bundle == bundles.end()) {
      ASSIGN_OR_RETURN(ImageBundle made, bundle_of(store, lease, resolved.image, encoding));
      bundles.push_back(std::move(made));
      bundle = std::prev(bundles.end());
    }
    if (!resolved.tag) continue;
    ASSIGN_OR_RETURN(image::ImageRef reference, image::ImageRef::parse(resolved.tag->reference));
    if (std::ranges::find(bundle->names, reference) == bundle->names.end())
      bundle->names.push_back(std::move(reference));
  }
  return bundles;
}

Status save(store::Store& store, store::BuildLease& lease, const std::vector<ImageBundle>& bundles,
            const std::string& path, SaveFormat format, const Progress& progress) {
  if (format == SaveFormat::kDockerArchive)
    return write_docker_archive(store, lease, bundles, path, progress);
  ASSIGN_OR_RETURN(const std::vector<WrittenManifest> written,
                   format == SaveFormat::kOciArchive
                       ? write_oci_archive(store, lease, bundles, path, {}, progress)
                       : write_oci_directory(store, lease, bundles, path, {}, progress));
  (void)written;  // the images keep the manifests they have
  return {};
}

}  // namespace

Result<void> save_images(const std::string& store_root, const std::vector<std::string>& names,
                         const std::string& path, SaveFormat format, EventSink& events) {
  const auto work = [&](store::Store& store, store::BuildLease& lease, Inside& inside) -> Result<Json> {
    const auto step = [&](const Progress& progress) -> Status {
      ASSIGN_OR_RETURN(const std::vector<ImageBundle> bundles,
                       bundles_of(store, lease, names, inside.encoding()));
      return save(store, lease, bundles, path, format, progress);
    };
    RETURN_IF_ERROR(in_step(inside.events(), 1, fmt::format("saving {}", fmt::join(names, ", ")),
                            inside.stop_fd(), step));
    return Json::object();
  };
  ASSIGN_OR_RETURN(const Json done, run_transfer(store_root, events, work));
  (void)done;  // carries nothing
  return {};
}

}  // namespace shale
