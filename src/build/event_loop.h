// SPDX-License-Identifier: Apache-2.0
// EventLoop: the one thread that owns a build's state. It waits for descriptors, for finished work of a small
// pool of threads, and ticks.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace shale::build {

// All members but submit()'s work run on the thread that calls run(). Threads start with the first submit(),
// so that a build that finds everything cached has none.
class EventLoop {
 public:
  static Result<std::unique_ptr<EventLoop>> create(int worker_limit);
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  // Waits for work that has begun; work that has not is dropped.
  ~EventLoop();

  using Callback = std::function<void()>;

  // Calls `ready` whenever `fd` is readable or hung up, until unwatch(fd). The caller keeps the descriptor
  // open so long.
  void watch(int fd, Callback ready);
  void unwatch(int fd);

  // Runs `work` on a pool thread, then `done` on the loop's thread. `work` owns or shares everything it
  // touches. Where no thread at all can be had, it has run when this returns.
  void submit(Callback work, Callback done);

  // Called about every 100 ms while run() waits.
  void on_tick(Callback tick) { tick_ = std::move(tick); }

  // Turns until `finished` says so (asked after each event).
  Status run(const std::function<bool()>& finished);

 private:
  struct Task {
    Callback work;
    Callback done;
  };

  EventLoop(int worker_limit, UniqueFd wake) : worker_limit_(worker_limit), wake_(std::move(wake)) {}
  void work_until_stopped();
  void work_here();
  // Takes what has waited longest and does it with `lock`, which is of mutex_, open meanwhile.
  void work_on_next(std::unique_lock<std::mutex>& lock);

  const int worker_limit_;
  UniqueFd wake_;  // eventfd: a task is in done_
  std::map<int, Callback> watched_;
  Callback tick_;

  std::mutex mutex_;
  std::condition_variable wanted_;
  std::deque<Task> waiting_;    // guarded by mutex_
  std::vector<Task> finished_;  // guarded by mutex_
  int idle_ = 0;                // guarded by mutex_
  bool stopping_ = false;       // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace shale::build
