// SPDX-License-Identifier: Apache-2.0
// Progress: events of one step, and waiting that can be interrupted.
#include "export/progress.h"

#include <poll.h>

#include <cerrno>
#include <vector>

namespace shale::exporter {

namespace {

constexpr int kTickMilliseconds = 100;  // what EventSink::tick() asks for

Error cancelled() { return Error(ErrorKind::kCancelled, "interrupted"); }

}  // namespace

void Progress::item(std::string item, std::uint64_t current, std::uint64_t total, bool finished) const {
  events_->on(StepProgress{
      .step = step_, .item = std::move(item), .current = current, .total = total, .finished = finished});
}

void Progress::note(std::string text) const { events_->on(StepNote{.step = step_, .text = std::move(text)}); }

void Progress::warn(std::string text) const {
  events_->on(Warning{.rule = {}, .text = std::move(text), .span = {}, .excerpt = {}});
}

Status Progress::check() const {
  if (stop_fd_ < 0) return {};
  struct pollfd stop{.fd = stop_fd_, .events = POLLIN, .revents = 0};
  return ::poll(&stop, 1, 0) > 0 ? Status(fail(cancelled())) : Status();
}

Status Progress::wait(std::span<const int> fds) const {
  std::vector<struct pollfd> watched{{.fd = stop_fd_, .events = POLLIN, .revents = 0}};
  for (const int fd : fds) watched.push_back({.fd = fd, .events = POLLIN, .revents = 0});
  for (;;) {
    const int ready = ::poll(watched.data(), watched.size(), kTickMilliseconds);
    if (ready < 0 && errno != EINTR) return fail_errno(errno, "wait for a helper");
    events_->tick();
    if (watched[0].revents != 0) return fail(cancelled());
    if (ready > 0) return {};
  }
}

ProgressStep::ProgressStep(EventSink& events, StepId step, std::string name, int stop_fd)
    : events_(events),
      step_(step),
      progress_(events, step, stop_fd),
      start_(std::chrono::steady_clock::now()) {
  events_.on(StepStarted{.step = step_, .name = std::move(name)});
}

ProgressStep::~ProgressStep() {
  if (!ended_) end(progress_.check() ? StepEnd::kFailed : StepEnd::kCancelled);
}

void ProgressStep::end(StepEnd how, std::string message) {
  ended_ = true;
  events_.on(StepEnded{.step = step_,
                       .end = how,
                       .elapsed = std::chrono::steady_clock::now() - start_,
                       .message = std::move(message),
                       .log_path = {}});
}

}  // namespace shale::exporter
