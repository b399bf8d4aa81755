// SPDX-License-Identifier: Apache-2.0
// Layers: published layer directories and what is known about them.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "image/manifest.h"
#include "layer/manifest.h"
#include "shale/digest.h"
#include "store/lease.h"

namespace shale::store {

struct StoreContext;

struct LayerRecord {
  std::string id;      // ten characters; the name of its directory
  Digest diff_id;      // of the uncompressed tar
  Digest content_key;  // of everything but times: what later steps see
  std::string
      encoding;     // how owners are kept on disk: directories of one encoding can be stacked on each other
  Digest chain_id;  // empty, unless the directory is right only on top of certain layers (see NewLayer)
  std::uint64_t tar_bytes = 0;
  std::uint64_t content_bytes = 0;  // sum of file sizes
  std::uint64_t entries = 0;        // 0 = the layer changes nothing
  bool durable = false;             // safe against a power cut
};

struct NewLayer {
  // Written to the wrapper by publish(). Null if a helper has put the file "manifest" there already; then
  // content_key, content_bytes and entries have to be given, otherwise they are computed from it.
  std::shared_ptr<const layer::LayerManifest> manifest;
  Digest diff_id;
  Digest content_key;
  std::uint64_t tar_bytes = 0;
  std::uint64_t content_bytes = 0;
  std::uint64_t entries = 0;
  std::string encoding;
  // For a layer whose directory depends on the layers below it (ArchiveResult::depends_on_lower): the chain
  // id of the stack up to it. It is found again only for the same stack.
  Digest chain_id;
  // Steps: another layer of the same content is as good, and better, because its times are those that later
  // layers were made against. Layers of foreign images must keep their diff_id: for those only an equal
  // diff_id will do.
  enum class Identity : std::uint8_t { kContent, kDiffId } identity = Identity::kContent;
};

// OCI's chain id: H(chain of those below + " " + diff_id); the lowest layer's is its diff_id.
Digest chain_id(std::span<const Digest> diff_ids);
// That of a stack with one more layer; `below` is empty for the lowest.
Digest next_chain_id(const Digest& below, const Digest& diff_id);

class Layers {
 public:
  explicit Layers(StoreContext& context) : context_(context) {}

  // Turns the directory into a layer: a rename and one row. It is held by `lease`. If the store has the same
  // layer already (see NewLayer::identity), the directory goes to the trash and the older one is returned.
  // The caller must be done with the directory: nothing is mounted on it for writing.
  Result<LayerRecord> publish(BuildLease& lease, WorkDirectory directory, const NewLayer& layer);

  Result<std::optional<LayerRecord>> find(const std::string& id);
  // A directory for this layer of an image. `chain` = the chain id up to and including it.
  Result<std::optional<LayerRecord>> find_diff_id(const Digest& diff_id, const Digest& chain,
                                                  const std::string& encoding);
  // Those in every other encoding, oldest first: the same files under other ids.
  Result<std::vector<LayerRecord>> find_diff_id_elsewhere(const Digest& diff_id, const Digest& chain,
                                                          const std::string& encoding);
  // The canonical layer of this content.
  Result<std::optional<LayerRecord>> find_content(const Digest& content_key, const std::string& encoding);
  // The layer directories of a whole image, lowest first; an entry is empty where there is none of this
  // encoding.
  Result<std::vector<std::optional<LayerRecord>>> find_stack(std::span<const Digest> diff_ids,
                                                             const std::string& encoding);

  // Read once per process, then shared.
  Result<std::shared_ptr<const layer::LayerManifest>> load_manifest(const std::string& id);
  // Relative to the store's root: "layers/<id>/fs". Absolute: fs_path_absolute().
  [[nodiscard]] static std::string fs_path(const std::string& id);
  [[nodiscard]] std::string fs_path_absolute(const std::string& id) const;
  [[nodiscard]] std::string manifest_path_absolute(const std::string& id) const;

  // Compressed forms of a layer, whether or not the blob itself is in the store. The latest recorded first.
  Status add_blob(const Digest& diff_id, const image::Descriptor& blob);
  Result<std::vector<image::Descriptor>> blobs_of(const Digest& diff_id);

 private:
  StoreContext& context_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const layer::LayerManifest>> manifests_;
};

}  // namespace shale::store
