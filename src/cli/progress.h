// SPDX-License-Identifier: Apache-2.0
// The displays of a build's progress, behind the public EventSink.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cli/display_text.h"
#include "cli/terminal.h"
#include "shale/events.h"

namespace shale::cli {

// What a display needs of the outside; tests put fakes in its place.
struct Screen {
  std::function<void(std::string_view)> write;
  std::function<TerminalSize()> size;
  std::function<std::chrono::nanoseconds()> now;  // monotonic
  Colors colors = Colors::kKeep;
};

// Standard error, with the real clock.
Screen standard_screen();

enum class ProgressMode : std::uint8_t { kTty, kPlain, kQuiet };

// "auto", "tty", "plain", "quiet"; "" is what BUILDKIT_PROGRESS says, else "auto". `quiet` (-q) wins over the
// name.
Result<ProgressMode> parse_progress_mode(std::string_view name, bool quiet);

std::unique_ptr<EventSink> make_progress(ProgressMode mode, Screen screen);

// Counts events in memory that clones share. Most of a build runs in a cloned process; the display left
// behind in the original one must not draw its old picture over the clone's.
class Handover {
 public:
  Handover();
  ~Handover();
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;
  Handover(Handover&&) = delete;
  Handover& operator=(Handover&&) = delete;

  void count_event();
  // The first call, from whichever process, says kOwn if this process has seen every event, kStale if not;
  // later calls say kDone.
  enum class Finish : std::uint8_t { kOwn, kStale, kDone };
  Finish finish();

 private:
  struct Shared {
    std::atomic<std::uint64_t> events;
    std::atomic<bool> finished;
  };
  Shared* shared_ = nullptr;
  std::uint64_t seen_ = 0;
};

}  // namespace shale::cli
