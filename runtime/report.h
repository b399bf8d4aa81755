// SPDX-License-Identifier: Apache-2.0
// How the processes of shale-runtime end: one record on the status descriptor, then the exit. Part of the
// program, not of the library.
#pragma once

#include <string_view>

#include "runtime/wire.h"

namespace shale::runtime {

// Reports the failed step with `errno_value` and what it was about, and exits. The sandbox goes down with us:
// pid 1 takes everyone with it, and the monitor waits only for pid 1.
[[noreturn]] void give_up(SetupStep step, int errno_value, std::string_view operand = {});

// Reports how the command ended (the status of wait(2)) and what it used, and exits.
[[noreturn]] void report_end(int wait_status);

}  // namespace shale::runtime
