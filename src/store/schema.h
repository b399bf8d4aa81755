// SPDX-License-Identifier: Apache-2.0
// The tables of the store's database, and how older ones become the present ones. For files of this room
// only.
#pragma once

#include "store/database.h"

namespace shale::store {

// Cheap: one read.
Result<bool> schema_is_current(Database& database);
// Makes or upgrades the tables, all or nothing. A database of a newer Shale is refused (kUnsupported).
Status migrate_schema(Database& database);

}  // namespace shale::store
