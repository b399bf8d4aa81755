// SPDX-License-Identifier: Apache-2.0
// shale rmi: as far as possible without a namespace, and what belongs to subordinate ids in one.
#include <fmt/format.h>

#include "export/transfer.h"
#include "shale/images.h"
#include "store/remove_image.h"

namespace shale {

namespace {

using namespace exporter;

constexpr std::chrono::seconds kPatience{10};

Result<bool> trash_is_empty_after(store::Store& store) {
  ASSIGN_OR_RETURN(const store::TrashResult trash, store.empty_trash(kPatience));
  return trash.left == 0;
}

// In the namespace of a build, which has the ids that layers were made with.
Result<bool> empty_trash_inside(const std::string& root) {
  ASSIGN_OR_RETURN(const runtime::BuildIsolation isolation, isolation_for(root));
  ASSIGN_OR_RETURN(const Json empty, run_inside(isolation, {}, [&](Inside&) -> Result<Json> {
                     ASSIGN_OR_RETURN(store::Store store, store::Store::open(root));
                     ASSIGN_OR_RETURN(const bool all, trash_is_empty_after(store));
                     RETURN_IF_ERROR(store.close());
                     return Json(all);
                   }));
  return empty == Json(true);
}

}  // namespace

Result<RemovedImage> remove_image(const std::string& store_root, const std::string& name, bool force) {
  ASSIGN_OR_RETURN(const std::string root, resolve_root(store_root));
  ASSIGN_OR_RETURN(store::Store store, store::Store::open(root));
  RemovedImage removed;
  ASSIGN_OR_RETURN(removed.lines, store::remove_image(store, name, force));
  ASSIGN_OR_RETURN(const bool all, trash_is_empty_after(store));
  RETURN_IF_ERROR(store.close());
  if (all) return removed;
  // The image is gone either way.
  const Result<bool> rest = empty_trash_inside(root);
  if (!rest || !*rest)
    removed.warning = fmt::format("files of '{}' are still there{}{}; 'shale prune' gives their space back",
                                  name, rest ? "" : ": ", rest ? "" : rest.error().to_line());
  return removed;
}

}  // namespace shale
