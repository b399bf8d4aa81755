// SPDX-License-Identifier: Apache-2.0
// The public functions that need nothing but the store: list, tag.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "image/config.h"
#include "image/reference.h"
#include "shale/images.h"
#include "store/images.h"
#include "store/store.h"

namespace shale {

namespace {

Result<store::Store> open_store(const std::string& store_root) {
  if (!store_root.empty()) return store::Store::open(store_root);
  ASSIGN_OR_RETURN(const std::string root, default_store_root());
  return store::Store::open(root);
}

// None of an image whose config cannot be read: the list has to show it all the same.
Result<std::map<std::string, std::string>> labels_of(store::Store& store, const Digest& id) {
  ASSIGN_OR_RETURN(const std::optional<store::ImageRecord> image, store.images().find(id));
  if (!image) return {};
  Result<image::ImageConfig> config = image::ImageConfig::parse(image->config_json);
  if (!config) return {};
  return std::move(config->labels);
}

}  // namespace

Result<std::vector<ImageSummary>> list_images(const std::string& store_root) {
  ASSIGN_OR_RETURN(store::Store opened, open_store(store_root));
  ASSIGN_OR_RETURN(const std::vector<store::ImageRecord> images, opened.images().list());
  ASSIGN_OR_RETURN(const std::vector<store::TagRecord> tags, opened.images().tags());
  std::multimap<Digest, const store::TagRecord*> tags_by_image;
  for (const store::TagRecord& tag : tags) tags_by_image.emplace(tag.image, &tag);
  std::vector<ImageSummary> rows;
  for (const store::ImageRecord& image : images) {
    ASSIGN_OR_RETURN(auto labels, labels_of(opened, image.id));
    ImageSummary row{.repository = "<none>",
                     .tag = "<none>",
                     .id = image.id,
                     .created = image.created,
                     .size_bytes = image.size_bytes,
                     .labels = std::move(labels)};
    const auto [first, last] = tags_by_image.equal_range(image.id);
    if (first == last) rows.push_back(row);
    for (auto it = first; it != last; ++it) {
      const Result<image::ImageRef> reference = image::ImageRef::parse(it->second->reference);
      row.repository = reference ? reference->familiar_repository() : it->second->reference;
      row.tag = reference && !reference->tag.empty() ? reference->tag : "<none>";
      row.digest = it->second->manifest_digest;
      rows.push_back(row);
    }
  }
  RETURN_IF_ERROR(opened.close());
  return rows;
}

Result<void> tag_image(const std::string& store_root, const std::string& source, const std::string& target) {
  ASSIGN_OR_RETURN(const image::ImageRef reference, image::ImageRef::parse(target));
  if (reference.digest)
    return fail(ErrorKind::kUsage, fmt::format("'{}' cannot be a new name: it holds a digest", target));
  ASSIGN_OR_RETURN(store::Store opened, open_store(store_root));
  ASSIGN_OR_RETURN(const store::ResolvedImage found, opened.images().resolve(source));
  RETURN_IF_ERROR(opened.images().tag(reference, found.image.id));
  return opened.close();
}

}  // namespace shale
