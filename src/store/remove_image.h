// SPDX-License-Identifier: Apache-2.0
// Removing an image as docker rmi does.
#pragma once

#include <string>
#include <vector>

#include "store/store.h"

namespace shale::store {

// A name takes away that name, and the image with the last one; an id takes the image if at most one name
// would go with it, or with `force`. What only it held is in the trash then. Returns lines such as "Untagged:
// a:b" and "Deleted: sha256:…".
Result<std::vector<std::string>> remove_image(Store& store, const std::string& name, bool force);

}  // namespace shale::store
