// SPDX-License-Identifier: Apache-2.0
// Progress: how a long piece of work says how far it is, and learns that it shall stop.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <utility>

#include "shale/error.h"
#include "shale/events.h"

namespace shale::exporter {

// One step of a display. Used by one thread at a time; the sink outlives it. Copying is cheap.
class Progress {
 public:
  // `stop_fd` readable means: stop (Inside::stop_fd(), or any signalfd or eventfd; -1 = never). It is not
  // read.
  Progress(EventSink& events, StepId step, int stop_fd = -1)
      : events_(&events), step_(step), stop_fd_(stop_fd) {}

  // Sends StepProgress. `item` is what the line is about, `total` 0 = not known.
  void item(std::string item, std::uint64_t current, std::uint64_t total, bool finished = false) const;
  void note(std::string text) const;
  void warn(std::string text) const;

  // kCancelled if it is time to stop. Cheap enough for every file, not for every buffer.
  [[nodiscard]] Status check() const;
  // Waits until one of `fds` is readable (or hung up), ticking the display meanwhile; kCancelled as check().
  // Negative descriptors are passed over.
  [[nodiscard]] Status wait(std::span<const int> fds) const;

 private:
  EventSink* events_;
  StepId step_;
  int stop_fd_;
};

// A step from StepStarted to StepEnded. One that is left without end() is reported as failed.
class ProgressStep {
 public:
  ProgressStep(EventSink& events, StepId step, std::string name, int stop_fd = -1);
  ProgressStep(const ProgressStep&) = delete;
  ProgressStep& operator=(const ProgressStep&) = delete;
  ~ProgressStep();
  [[nodiscard]] const Progress& progress() const { return progress_; }
  void end(StepEnd how = StepEnd::kDone, std::string message = {});

 private:
  EventSink& events_;
  StepId step_;
  Progress progress_;
  std::chrono::steady_clock::time_point start_;
  bool ended_ = false;
};

// Does `work` (called with the step's Progress) as one step, which ends as its result says.
template <typename Work>
auto in_step(EventSink& events, StepId id, std::string name, int stop_fd, const Work& work)
    -> decltype(work(std::declval<const Progress&>())) {
  ProgressStep step(events, id, std::move(name), stop_fd);
  auto result = work(step.progress());
  if (result)
    step.end();
  else if (result.error().kind() == ErrorKind::kCancelled)
    step.end(StepEnd::kCancelled);
  else
    step.end(StepEnd::kFailed, result.error().to_line());
  return result;
}

}  // namespace shale::exporter
