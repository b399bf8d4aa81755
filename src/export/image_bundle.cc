// SPDX-License-Identifier: Apache-2.0
#include "export/image_bundle.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "export/foreign_layer.h"
#include "store/blobs.h"
#include "store/layers.h"
#include "store/lease.h"
#include "store/store.h"

namespace shale::exporter {

Result<ImageBundle> bundle_of(store::Store& store, store::BuildLease& lease, const store::ImageRecord& image,
                              const std::string& encoding, std::vector<image::ImageRef> names) {
  ImageBundle bundle{.config_json = image.config_json,
                     .id = image.id,
                     .diff_ids = image.diff_ids,
                     .layer_ids = {},
                     .names = std::move(names)};
  ASSIGN_OR_RETURN(const std::vector<std::optional<store::LayerRecord>> stack,
                   store.layers().find_stack(image.diff_ids, encoding));
  std::vector<std::string> held;
  Digest chain;
  for (std::size_t i = 0; i < stack.size(); ++i) {
    bundle.layer_ids.push_back(stack[i] ? stack[i]->id : std::string());
    if (stack[i]) {
      held.push_back(stack[i]->id);
      continue;
    }
    ASSIGN_OR_RETURN(const std::vector<image::Descriptor> blobs, store.layers().blobs_of(image.diff_ids[i]));
    if (std::ranges::any_of(blobs,
                            [&](const image::Descriptor& blob) { return store.blobs().has(blob.digest); }))
      continue;
    // Reading one that was made under other ids is as good, where that can be done.
    std::string reason;
    chain = store::chain_id(std::span(image.diff_ids).first(i + 1));
    ASSIGN_OR_RETURN(const std::optional<store::LayerRecord> foreign,
                     find_foreign_layer(store, image.diff_ids[i], chain, encoding, reason));
    if (foreign) {
      bundle.layer_ids.back() = foreign->id;
      held.push_back(foreign->id);
    } else {
      return fail(
          Error(ErrorKind::kNotFound,
                fmt::format("layer {} of image {} is not in the store in a form that can be read here",
                            image.diff_ids[i].to_string(), image.id.short_hex()))
              .hint("pull or build the image again"));
    }
  }
  RETURN_IF_ERROR(lease.hold_layers(store, held));
  return bundle;
}

}  // namespace shale::exporter
