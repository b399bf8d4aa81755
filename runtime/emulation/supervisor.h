// SPDX-License-Identifier: Apache-2.0
// The supervisor of root emulation: answers the calls that a sandbox with one id would fail, or see the truth
// by. It is the monitor of shale-runtime, which has nothing else to do. Part of the program, not of the
// library.
#pragma once

#include "runtime/sandbox_spec.h"

namespace shale::runtime {

// In the command, while CAP_SYS_ADMIN is held: loads the filter and sends its listener through `socket`.
// `as_user`: see emulation_filter(). An errno, or 0.
int load_emulation_filter(int socket, bool as_user);

// In the monitor: serves until `pid1`, our child, has ended (it is not reaped), then writes the journal to
// spec.journal_fd. `socket` is the other end of load_emulation_filter's. Gives up on what it cannot do
// without: the sandbox ends with us.
void supervise(const SandboxSpec& spec, int socket, pid_t pid1);

}  // namespace shale::runtime
