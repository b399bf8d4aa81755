// SPDX-License-Identifier: Apache-2.0
// Durability: what is synced when, and what is dropped after a reboot because it was not. For files of this
// room only.
#pragma once

#include "store/context.h"

namespace shale::store {

// What was not synced before the machine went down may be on disk in part: if this is another boot than the
// one in which the store was last used, it is dropped, and so are files without a row.
Status recover_after_boot(StoreContext& context);

// Makes everything published so far safe against a power cut; see Store::sync().
Status sync_published(StoreContext& context);

// Moves layer directories that no row names to the trash: a process died between the two.
Status sweep_unrecorded_layers(StoreContext& context);

}  // namespace shale::store
