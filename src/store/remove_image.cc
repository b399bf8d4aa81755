// SPDX-License-Identifier: Apache-2.0
#include "store/remove_image.h"

#include <fmt/format.h>

#include "image/reference.h"
#include "store/images.h"

namespace shale::store {

namespace {

// "docker.io/library/a:b" → "a:b"; a name that is none (a damaged row) is shown as it is.
std::string familiar(const std::string& reference) {
  const Result<image::ImageRef> parsed = image::ImageRef::parse(reference);
  return parsed ? parsed->familiar() : reference;
}

}  // namespace

Result<std::vector<std::string>> remove_image(Store& store, const std::string& name, bool force) {
  Images& images = store.images();
  ASSIGN_OR_RETURN(const ResolvedImage found, images.resolve(name));
  ASSIGN_OR_RETURN(const std::vector<TagRecord> tags, images.tags_of(found.image.id));
  if (found.tag && tags.size() > 1) {
    RETURN_IF_ERROR(store.with_reserve([&]() -> Status {
      ASSIGN_OR_RETURN([[maybe_unused]] const bool removed, images.untag(found.tag->reference));
      return {};
    }));
    return std::vector{fmt::format("Untagged: {}", familiar(found.tag->reference))};
  }
  if (!found.tag && tags.size() > 1 && !force)
    return fail(Error(ErrorKind::kUsage,
                      fmt::format("image {} has {} names", found.image.id.short_hex(), tags.size()))
                    .hint("remove the names one by one, or all with --force"));
  RETURN_IF_ERROR(store.with_reserve([&] { return images.remove(found.image.id); }));
  ASSIGN_OR_RETURN([[maybe_unused]] const GcResult garbage, store.collect_garbage());
  std::vector<std::string> lines;
  for (const TagRecord& tag : tags) lines.push_back(fmt::format("Untagged: {}", familiar(tag.reference)));
  lines.push_back(fmt::format("Deleted: {}", found.image.id.to_string()));
  return lines;
}

}  // namespace shale::store
