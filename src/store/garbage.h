// SPDX-License-Identifier: Apache-2.0
// Garbage: finding what nothing refers to, and removing what is in the trash. For files of this room only.
#pragma once

#include "store/context.h"
#include "store/store.h"

namespace shale::store {

// See the functions of Store with these results.
Result<TrashResult> remove_trash(StoreContext& context, std::chrono::milliseconds budget);
Result<GcResult> remove_garbage(StoreContext& context, const GcOptions& options);

}  // namespace shale::store
