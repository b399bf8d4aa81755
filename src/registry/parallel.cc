// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <mutex>
#include <optional>
#include <thread>

#include "registry/commands.h"
#include "sys/thread.h"

namespace shale::registry {

Status for_each_parallel(std::size_t count, int threads,
                         const std::function<Status(std::size_t, HttpClient&)>& work) {
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> failed = false;
  std::mutex mutex;
  std::optional<Error> first;
  const auto run = [&] {
    HttpClient client;
    while (!failed) {
      const std::size_t i = next++;
      if (i >= count) return;
      Status status = work(i, client);
      if (status) continue;
      failed = true;
      const std::lock_guard lock(mutex);
      if (!first) first = std::move(status.error());
    }
  };
  std::vector<std::thread> pool;
  const std::size_t size = std::min(count, static_cast<std::size_t>(std::max(threads, 1)));
  for (std::size_t i = 1; i < size; ++i) {
    Result<std::thread> started = sys::start_thread("talks to a registry", run);
    if (!started) break;  // fewer do as well
    pool.push_back(std::move(*started));
  }
  if (size > 0) run();  // this thread is one of them
  for (std::thread& thread : pool) thread.join();
  if (first) return fail(std::move(*first));
  return {};
}

}  // namespace shale::registry
