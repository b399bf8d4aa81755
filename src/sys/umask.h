// SPDX-License-Identifier: Apache-2.0
// The umask that the user has chosen.
#pragma once

#include <sys/types.h>

namespace shale::sys {

// What it was when this was first called, which is to be while there is one thread and before a process of
// ours takes one of its own: it holds for what we write for the user, wherever that is written.
mode_t user_umask();

}  // namespace shale::sys
