// SPDX-License-Identifier: Apache-2.0
// The reserve: space kept for the moment in which none is left, as removing things takes some for the
// database's log. For files of this room only.
#pragma once

#include <functional>

#include "store/context.h"

namespace shale::store {

// Makes it if it is missing. That there is no space for it is no error: it is tried again.
Status make_reserve(const StoreContext& context);

// Does `work`, which removes something; where it lacks space, once more without the reserve. That is made
// anew then.
Status with_reserve(const StoreContext& context, const std::function<Status()>& work);

}  // namespace shale::store
