// SPDX-License-Identifier: Apache-2.0
// Threads that may not be had: containers limit processes, and a thread counts as one.
#pragma once

#include <functional>
#include <string_view>
#include <thread>

#include "shale/error.h"

namespace shale::sys {

// Starts a thread that runs `work`, with all signals blocked: they stay with the thread that reads them.
// `purpose` completes "start a thread that …" in the error. `work` must not throw. The caller joins.
Result<std::thread> start_thread(std::string_view purpose, std::function<void()> work);

}  // namespace shale::sys
