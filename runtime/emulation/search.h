// SPDX-License-Identifier: Apache-2.0
// Which directories a caller may go through on its way to a name.
#pragma once

#include "runtime/emulation/session.h"

namespace shale::runtime {

// EACCES if a directory on the way to one of the names in the caller's arguments is closed to it, else 0:
// also for names that are not there, which the kernel tells of. For callers in a sandbox whose command is a
// user's; with a command of root's it would cost more than it is worth.
int check_search(Session& session, const Caller& caller);

}  // namespace shale::runtime
