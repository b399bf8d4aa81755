// SPDX-License-Identifier: Apache-2.0
// shale prune: in the namespace, where files of subordinate ids can be removed, and without a lease: not even
// a directory has to be made.
#include "shale/prune.h"

#include "export/inside.h"
#include "export/transfer.h"
#include "store/store.h"

namespace shale {

namespace {

using namespace exporter;

Result<Json> prune_inside(const std::string& root, std::chrono::seconds unused_for) {
  ASSIGN_OR_RETURN(store::Store store, store::Store::open(root));
  // First what is in nobody's way any more: it may be the space that the rest needs.
  constexpr std::chrono::hours kPatience{1};
  ASSIGN_OR_RETURN(store::TrashResult trash, store.empty_trash(kPatience));
  ASSIGN_OR_RETURN(const store::GcResult garbage, store.collect_garbage({.unused_for = unused_for}));
  ASSIGN_OR_RETURN(trash, store.empty_trash(kPatience));
  RETURN_IF_ERROR(store.close());
  return Json{{"cache_records", garbage.cache_records},
              {"images", garbage.images},
              {"cache_mounts", garbage.cache_mounts},
              {"bytes", garbage.bytes}};
}

}  // namespace

Result<PruneReport> prune_store(const std::string& store_root, std::chrono::seconds unused_for) {
  ASSIGN_OR_RETURN(const std::string root, resolve_root(store_root));
  ASSIGN_OR_RETURN(const runtime::BuildIsolation isolation, isolation_for(root));
  ASSIGN_OR_RETURN(const Json json,
                   run_inside(isolation, {}, [&](Inside&) { return prune_inside(root, unused_for); }));
  const auto number = [&](const char* key) { return static_cast<std::uint64_t>(json_int(json, key)); };
  return PruneReport{.cache_records = number("cache_records"),
                     .images = number("images"),
                     .cache_mounts = number("cache_mounts"),
                     .bytes = number("bytes")};
}

}  // namespace shale
