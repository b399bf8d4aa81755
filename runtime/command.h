// SPDX-License-Identifier: Apache-2.0
// Pid 2 of a sandbox: gives up every privilege and becomes the command. Part of shale-runtime.
#pragma once

#include "runtime/sandbox_spec.h"

namespace shale::runtime {

// Never returns: executes spec.args, or reports why not. `null_fd` becomes standard input,
// `emulation_fd` (-1 = none) is where the listener of root emulation goes.
[[noreturn]] void become_command(const SandboxSpec& spec, int null_fd, int emulation_fd);

}  // namespace shale::runtime
