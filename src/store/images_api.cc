// SPDX-License-Identifier: Apache-2.0
// The public functions that need nothing but the store: list, remove, tag.
#include <fmt/format.h>

#include <algorithm>
#include <map>

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

// "a:b" → "a:b"; a name that is none (a damaged row) is shown as it is.
std::string familiar(const std::string& reference) {
  const Result<image::ImageRef> parsed = image::ImageRef::parse(reference);
  return parsed ? parsed->familiar() : reference;
}

// What nothing refers to any more goes; the trash as far as this process may remove it.
Status clean_up(store::Store& opened) {
  ASSIGN_OR_RETURN([[maybe_unused]] const store::GcResult garbage, opened.collect_garbage());
  constexpr std::chrono::seconds kPatience{10};
  ASSIGN_OR_RETURN([[maybe_unused]] const store::TrashResult trash, opened.empty_trash(kPatience));
  return {};
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
    ImageSummary row{.repository = "<none>",
                     .tag = "<none>",
                     .id = image.id,
                     .created = image.created,
                     .size_bytes = image.size_bytes};
    const auto [first, last] = tags_by_image.equal_range(image.id);
    if (first == last) rows.push_back(row);
    for (auto it = first; it != last; ++it) {
      const Result<image::ImageRef> reference = image::ImageRef::parse(it->second->reference);
      row.repository = reference ? reference->familiar_repository() : it->second->reference;
      row.tag = reference && !reference->tag.empty() ? reference->tag : "<none>";
      rows.push_back(row);
    }
  }
  RETURN_IF_ERROR(opened.close());
  return rows;
}

Result<std::vector<std::string>> remove_image(const std::string& store_root, const std::string& name,
                                              bool force) {
  ASSIGN_OR_RETURN(store::Store opened, open_store(store_root));
  store::Images& images = opened.images();
  ASSIGN_OR_RETURN(const store::ResolvedImage found, images.resolve(name));
  ASSIGN_OR_RETURN(const std::vector<store::TagRecord> tags, images.tags_of(found.image.id));
  std::vector<std::string> lines;
  // As docker: a name takes away that name, and the image with the last one; an id takes the image if at most
  // one name would go with it.
  if (found.tag && tags.size() > 1) {
    ASSIGN_OR_RETURN([[maybe_unused]] const bool removed, images.untag(found.tag->reference));
    lines.push_back(fmt::format("Untagged: {}", familiar(found.tag->reference)));
    RETURN_IF_ERROR(opened.close());
    return lines;
  }
  if (!found.tag && tags.size() > 1 && !force)
    return fail(Error(ErrorKind::kUsage,
                      fmt::format("image {} has {} names", found.image.id.short_hex(), tags.size()))
                    .hint("remove the names one by one, or all with --force"));
  RETURN_IF_ERROR(opened.with_reserve([&] { return images.remove(found.image.id); }));
  for (const store::TagRecord& tag : tags)
    lines.push_back(fmt::format("Untagged: {}", familiar(tag.reference)));
  lines.push_back(fmt::format("Deleted: {}", found.image.id.to_string()));
  RETURN_IF_ERROR(clean_up(opened));
  RETURN_IF_ERROR(opened.close());
  return lines;
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
