// SPDX-License-Identifier: Apache-2.0
// Images: configs with their names. An image is its config; the layers are found by the diff_ids in it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "image/reference.h"
#include "shale/digest.h"

namespace shale::store {

struct StoreContext;

// The manifest under which an image was pulled, pushed or exported, byte for byte.
struct ImageManifest {
  Digest digest;
  std::string media_type;
  std::string json;
};

struct ImageRecord {
  Digest id;                                      // SHA-256 of config_json
  std::string config_json;                        // as pulled or made, byte for byte
  std::vector<Digest> diff_ids;                   // those of the config, lowest first
  std::optional<ImageManifest> manifest;          // the latest
  std::chrono::system_clock::time_point created;  // from the config; epoch if it has none
  std::uint64_t size_bytes = 0;                   // of all layers, uncompressed
};

struct TagRecord {
  std::string reference;  // full, normal form: ImageRef::full()
  Digest image;
  Digest
      manifest_digest;  // what the registry (the index, if there was one) called it; empty for local images
};

// What resolve() found.
struct ResolvedImage {
  ImageRecord image;
  std::optional<TagRecord> tag;  // if a name led to it
};

class Images {
 public:
  explicit Images(StoreContext& context) : context_(context) {}

  // Records the image and points the tags at it, all or nothing, safe against a power cut once it returns:
  // layers published before are synced first. Costs no write at all if everything is recorded already.
  // kNotFound if neither a layer directory nor a blob in the store exists for one of the diff_ids (somebody
  // removed it meanwhile).
  Status put(const ImageRecord& image, std::span<const TagRecord> tags);
  // Points a name at an image that is there.
  Status tag(const image::ImageRef& reference, const Digest& image);
  // Remembers the manifest of an image after a push or an export.
  Status set_manifest(const Digest& image, const ImageManifest& manifest);

  Result<std::optional<ImageRecord>> find(const Digest& id);
  Result<std::optional<TagRecord>> find_tag(const image::ImageRef& reference);
  // A reference ("alpine", "a/b:c", "name@sha256:…" with the digest of a manifest, an index or an image), an
  // id with or without "sha256:", or a unique beginning of an id. A name wins over an id. kNotFound with a
  // hint at the nearest name; kUsage if several images begin so.
  Result<ResolvedImage> resolve(const std::string& name);

  // Sorted by reference.
  Result<std::vector<TagRecord>> tags();
  Result<std::vector<TagRecord>> tags_of(const Digest& image);
  // Newest first. Configs and manifests are left empty.
  Result<std::vector<ImageRecord>> list();

  // false: there was none.
  Result<bool> untag(const std::string& reference);
  // The image and all its tags. Layers stay until collect_garbage().
  Status remove(const Digest& image);

 private:
  Result<bool> is_recorded(const ImageRecord& image, std::span<const TagRecord> tags);
  Status write(const ImageRecord& image, std::span<const TagRecord> tags);
  // Empty digest: none. By id or manifest; by the first digits of an id (kUsage if several).
  Result<Digest> find_digest(const Digest& digest);
  Result<Digest> find_beginning(const std::string& hex, const std::string& name);

  StoreContext& context_;
};

}  // namespace shale::store
