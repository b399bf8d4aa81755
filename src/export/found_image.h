// SPDX-License-Identifier: Apache-2.0
// Images in a foreign layout or archive: read, checked, their blobs taken into the store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "export/progress.h"
#include "image/manifest.h"
#include "image/platform.h"
#include "image/reference.h"
#include "shale/digest.h"
#include "store/images.h"

namespace shale::store {
class BuildLease;
class Store;
}  // namespace shale::store

namespace shale::exporter {

struct FoundImage {
  std::string config_json;
  Digest id;
  std::vector<Digest> diff_ids;
  std::vector<image::Descriptor> blobs;  // in the store, one for each diff_id
  std::optional<store::ImageManifest> manifest;
  std::vector<image::ImageRef> names;
};

// Files of a layout, none of them trusted: only regular ones are opened, and no link leads out of the root.
class FoundFiles {
 public:
  // `private_copy`: the files are ours (just unpacked, in the store's file system) and may be moved into the
  // store.
  FoundFiles(store::Store& store, store::BuildLease& lease, UniqueFd root, bool private_copy)
      : store_(store), lease_(&lease), root_(std::move(root)), private_copy_(private_copy) {}
  // To read documents only: nothing can be taken.
  FoundFiles(store::Store& store, UniqueFd root) : store_(store), root_(std::move(root)) {}

  [[nodiscard]] bool has(std::string_view path) const;
  // A document of at most 4 MiB.
  Result<std::string> read(const std::string& path) const;
  // The document blobs/sha256/<digest>, whose bytes are checked.
  Result<std::string> read_blob(const image::Descriptor& descriptor) const;
  // Takes blobs/sha256/<digest> into the store, checked on the way.
  Status take_blob(const image::Descriptor& descriptor);
  // Takes a layer file of unknown digest into the store, plain or compressed; its descriptor has an OCI media
  // type.
  Result<image::Descriptor> take_layer(const std::string& path, const Digest& diff_id);

 private:
  Result<UniqueFd> open(const std::string& path) const;
  Status take(const std::string& path, UniqueFd fd, const Digest& digest);

  store::Store& store_;
  store::BuildLease* lease_ = nullptr;
  UniqueFd root_;
  bool private_copy_ = false;
};

// Every image of an OCI layout (oci-layout, index.json); of an index in it the one for `platform`. Names come
// from the annotations io.containerd.image.name and org.opencontainers.image.ref.name.
Result<std::vector<FoundImage>> read_oci_layout(FoundFiles& files, const image::Platform& platform,
                                                const Progress& progress);
// One image of an OCI layout: the one whose manifest or index has `digest`; else the one named `tag`; without
// either the one named "latest", or the only one. Its layers stay where they are: take_blob() takes them.
Result<FoundImage> read_layout_image(FoundFiles& files, const image::Platform& platform,
                                     const std::string& tag, const std::optional<Digest>& digest);
// Every image of a docker archive (manifest.json), of any version of docker.
Result<std::vector<FoundImage>> read_docker_archive(FoundFiles& files, const Progress& progress);

// Unpacks the layers, and records image and tags. The blobs are in the store.
Status record_image(store::Store& store, store::BuildLease& lease, const FoundImage& found,
                    const std::string& encoding, const Progress& progress);
// The same for layers that have been unpacked.
Status put_image(store::Store& store, const FoundImage& found, std::uint64_t size_bytes,
                 const Digest& registry_digest);

}  // namespace shale::exporter
