// SPDX-License-Identifier: Apache-2.0
#include "build/event_loop.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>

#include "sys/thread.h"

namespace shale::build {

namespace {

constexpr auto kTick = std::chrono::milliseconds(100);  // fast enough for a clock with tenths of seconds

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::create(int worker_limit) {
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return fail_errno(errno, "make an eventfd");
  return std::unique_ptr<EventLoop>(new EventLoop(worker_limit, std::move(wake)));
}

EventLoop::~EventLoop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    waiting_.clear();
  }
  wanted_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void EventLoop::watch(int fd, Callback ready) { watched_[fd] = std::move(ready); }
void EventLoop::unwatch(int fd) { watched_.erase(fd); }

void EventLoop::submit(Callback work, Callback done) {
  bool start_thread = false;
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(work), std::move(done)});
    start_thread =
        idle_ < static_cast<int>(waiting_.size()) && static_cast<int>(threads_.size()) < worker_limit_;
  }
  if (start_thread) {
    Result<std::thread> thread = sys::start_thread("works for the build", [this] { work_until_stopped(); });
    if (thread)
      threads_.push_back(std::move(*thread));
    else if (threads_.empty())
      work_here();  // slower, but work that is done in the end
  }
  wanted_.notify_one();
}

void EventLoop::work_until_stopped() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    wanted_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    --idle_;
    if (stopping_) return;
    work_on_next(lock);
  }
}

void EventLoop::work_here() {
  std::unique_lock lock(mutex_);
  while (!waiting_.empty()) work_on_next(lock);
}

void EventLoop::work_on_next(std::unique_lock<std::mutex>& lock) {
  Task task = std::move(waiting_.front());
  waiting_.pop_front();
  lock.unlock();
  task.work();
  lock.lock();
  finished_.push_back(std::move(task));
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one,
                 sizeof one);  // fails only when the counter is full, and then it is readable
}

Status EventLoop::run(const std::function<bool()>& finished) {
  auto last_tick = std::chrono::steady_clock::now();
  while (!finished()) {
    std::vector<pollfd> polled;
    polled.push_back({wake_.get(), POLLIN, 0});
    for (const auto& [fd, ready] : watched_) polled.push_back({fd, POLLIN, 0});
    const int count = ::poll(polled.data(), polled.size(), static_cast<int>(kTick.count()));
    if (count < 0 && errno != EINTR) return fail_errno(errno, "wait for events");
    if (const auto now = std::chrono::steady_clock::now(); now - last_tick >= kTick) {
      last_tick = now;
      if (tick_) tick_();
    }
    if (count <= 0) continue;
    if (polled[0].revents != 0) {
      std::uint64_t ignored = 0;
      (void)!::read(wake_.get(), &ignored, sizeof ignored);  // only resets the counter
      std::vector<Task> tasks;
      {
        const std::lock_guard lock(mutex_);
        tasks.swap(finished_);
      }
      for (Task& task : tasks)
        if (task.done) task.done();
    }
    for (std::size_t i = 1; i < polled.size(); ++i) {
      if (polled[i].revents == 0) continue;
      // An earlier callback of this round may have taken it away.
      const auto found = watched_.find(polled[i].fd);
      if (found == watched_.end()) continue;
      const Callback ready = found->second;  // a copy: it may unwatch itself
      ready();
    }
  }
  return {};
}

}  // namespace shale::build
