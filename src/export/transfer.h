// SPDX-License-Identifier: Apache-2.0
// What the commands that move images have in common.
#pragma once

#include <functional>
#include <string>

#include "base/json.h"
#include "export/inside.h"
#include "shale/images.h"
#include "store/lease.h"
#include "store/store.h"

namespace shale::exporter {

Json to_json(const TransferResult& result);
Result<TransferResult> transfer_result_from(const Json& json);

// `store_root`, or the default one.
Result<std::string> resolve_root(const std::string& store_root);

// How a command that only moves images enters the store: choose_isolation(), with the store made if it is
// missing.
Result<runtime::BuildIsolation> isolation_for(const std::string& root);

// The inner half of a command: opens the store, takes a lease, does `work`, and gives both back.
using StoreWork = std::function<Result<Json>(store::Store& store, store::BuildLease& lease, Inside& inside)>;
Result<Json> with_store(const std::string& root, Inside& inside, const StoreWork& work);

// run_inside() of with_store(), with events shown outside.
Result<Json> run_transfer(const std::string& store_root, EventSink& events, const StoreWork& work);

}  // namespace shale::exporter
