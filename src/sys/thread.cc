// SPDX-License-Identifier: Apache-2.0
#include "sys/thread.h"

#include <fmt/format.h>
#include <signal.h>

#include <system_error>

#include "sys/process.h"

namespace shale::sys {

Result<std::thread> start_thread(std::string_view purpose, std::function<void()> work) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  Result<std::thread> started;
  try {
    started = std::thread(std::move(work));
  } catch (const std::system_error& error) {
    started = fail(start_error(error.code().value(), fmt::format("start a thread that {}", purpose)));
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

}  // namespace shale::sys
