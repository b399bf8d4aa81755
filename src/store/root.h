// SPDX-License-Identifier: Apache-2.0
// The store's directory itself: made, checked, laid out. For files of this room only.
#pragma once

#include "store/context.h"
#include "store/store.h"

namespace shale::store {

// Opens (or makes) the directory and what is in it, the database included: a context ready for use. Does not
// yet look at what dead builds or an earlier boot left.
Result<std::unique_ptr<StoreContext>> open_root(const std::string& root, const StoreOptions& options);

}  // namespace shale::store
