// SPDX-License-Identifier: Apache-2.0
// The reserve: space kept for the moment in which none is left, as removing things takes some for the
// database's log.
#pragma once

#include <functional>
#include <string>

#include "shale/error.h"

namespace shale::store {

// `root` is a store's directory. Makes the reserve, or as much of it as there is room for: that there is
// too little is no error, it is tried again.
Status make_reserve(int root);

// Does `work`, which removes something; where it lacks space, once more without the reserve. That is made
// anew then.
Status with_reserve(int root, const std::function<Status()>& work);

// For work that needs little space: once more with the reserve of the store at `path` only if it lacks some.
Status with_reserve_at(const std::string& path, const std::function<Status()>& work);

}  // namespace shale::store
