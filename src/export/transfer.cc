// SPDX-License-Identifier: Apache-2.0
#include "export/transfer.h"

#include <fcntl.h>

#include <chrono>

#include "export/isolation.h"
#include "sys/files.h"

namespace shale::exporter {

Json to_json(const TransferResult& result) {
  return {{"digest", result.digest.to_string()}, {"names", result.names}};
}

Result<TransferResult> transfer_result_from(const Json& json) {
  TransferResult result;
  ASSIGN_OR_RETURN(result.digest, Digest::parse(json_string(json, "digest")));
  if (const Json* names = json_member(json, "names"); names != nullptr && names->is_array())
    for (const Json& name : *names)
      if (name.is_string()) result.names.push_back(name.get<std::string>());
  return result;
}

Result<std::string> resolve_root(const std::string& store_root) {
  if (!store_root.empty()) return store_root;
  return default_store_root();
}

Result<runtime::BuildIsolation> isolation_for(const std::string& root) {
  // What works depends on where the store is, so it is made first.
  if (!sys::exists_at(AT_FDCWD, root)) {
    ASSIGN_OR_RETURN(store::Store store, store::Store::open(root));
    RETURN_IF_ERROR(store.close());
  }
  return choose_isolation(std::nullopt, root);
}

Result<Json> with_store(const std::string& root, Inside& inside, const StoreWork& work) {
  ASSIGN_OR_RETURN(store::Store store, store::Store::open(root));
  ASSIGN_OR_RETURN(store::BuildLease lease, store::BuildLease::create(store));
  Result<Json> result = work(store, lease, inside);
  const Status finished = lease.finish(store);
  // What belongs to subordinate ids can be removed only in here. More than a moment is for the next command.
  constexpr std::chrono::milliseconds kTrashBudget{200};
  const Result<store::TrashResult> swept = store.empty_trash(kTrashBudget);
  const Status closed = store.close();
  if (!result) return result;
  RETURN_IF_ERROR(finished);
  if (!swept) return fail(Error(swept.error()));
  RETURN_IF_ERROR(closed);
  return result;
}

Result<Json> run_transfer(const std::string& store_root, EventSink& events, const StoreWork& work) {
  ASSIGN_OR_RETURN(const std::string root, resolve_root(store_root));
  ASSIGN_OR_RETURN(const runtime::BuildIsolation isolation, isolation_for(root));
  return run_inside(isolation, {.events = &events, .answer = {}},
                    [&](Inside& inside) { return with_store(root, inside, work); });
}

}  // namespace shale::exporter
