// SPDX-License-Identifier: Apache-2.0
// BufferQueue: a bounded queue of byte buffers between two threads, ended by success or by an error.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "shale/error.h"

namespace shale::layer {

// One thread pushes, one pops. The bound gives back-pressure: a slow reader stops the writer.
class BufferQueue {
 public:
  explicit BufferQueue(std::size_t max_buffers) : max_buffers_(max_buffers) {}

  // Waits for room. False if the reader has gone: the writer should stop.
  bool push(std::string buffer) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return buffers_.size() < max_buffers_ || abandoned_; });
    if (abandoned_) return false;
    buffers_.push_back(std::move(buffer));
    changed_.notify_all();
    return true;
  }
  // No more comes; with an error, that is what the reader gets after the buffers.
  void close(Status status = {}) {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    status_ = std::move(status);
    changed_.notify_all();
  }
  // Waits for the next buffer; none at the end.
  Result<std::optional<std::string>> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !buffers_.empty() || closed_; });
    if (!buffers_.empty()) {
      std::string buffer = std::move(buffers_.front());
      buffers_.pop_front();
      changed_.notify_all();
      return buffer;
    }
    if (!status_) return fail(status_.error());
    return std::nullopt;
  }
  // The reader reads no more; what is queued and pushed is dropped.
  void abandon() {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    buffers_.clear();
    changed_.notify_all();
  }

 private:
  const std::size_t max_buffers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> buffers_;
  bool closed_ = false;
  bool abandoned_ = false;
  Status status_;
};

}  // namespace shale::layer
