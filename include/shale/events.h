// SPDX-License-Identifier: Apache-2.0
// Events: what a build tells the outside while it runs. Typed values; only cli/ renders them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "shale/error.h"

namespace shale {

// Ids of steps count from 1 in the order in which steps are first shown.
using StepId = int;

enum class StepEnd : std::uint8_t { kDone, kCached, kFailed, kCancelled };

// A step became known and is about to start or to be found cached.
struct StepStarted {
  StepId step = 0;
  std::string name;  // "[build 3/5] RUN make", "load build context"
};
// Bytes a step's command wrote; not aligned to lines. `stream` is 1 or 2.
struct StepOutput {
  StepId step = 0;
  int stream = 1;
  std::string bytes;
};
// Bytes moved so far by something that has a size (a download, an unpack). `total` 0 = not known.
struct StepProgress {
  StepId step = 0;
  std::string item;  // "sha256:1234… " or a file's name
  std::uint64_t current = 0;
  std::uint64_t total = 0;
  bool finished = false;
};
// A sentence about a step ("ran because src/main.c changed").
struct StepNote {
  StepId step = 0;
  std::string text;
  bool detail = false;  // for a log; a terminal has no place for it
};
struct StepEnded {
  StepId step = 0;
  StepEnd end = StepEnd::kDone;
  std::chrono::nanoseconds elapsed{0};
  std::string message;   // for kFailed: one line
  std::string log_path;  // whole output of a RUN; empty if none
};
// Something the user should know that does not stop the build. `rule` is a lint rule's name or empty.
struct Warning {
  std::string rule;
  std::string text;
  std::string description;  // what the rule is about; empty without a rule
  std::string url;          // a page about the rule; likewise
  SourceSpan span;
  std::string excerpt;
};
// The size table at the end of a build.
struct StageSummary {
  std::string name;                     // the stage's name, or its number
  std::uint64_t layer_bytes = 0;        // bytes of the layers this stage made itself
  std::uint64_t left_behind_bytes = 0;  // of those, bytes that are not in the result
  std::chrono::nanoseconds elapsed{0};  // sum over its steps that ran
  int steps_run = 0;
  int steps_cached = 0;
  bool in_result = false;
};
struct BuildSummary {
  std::vector<StageSummary> stages;
  std::uint64_t image_bytes = 0;        // uncompressed, all layers of the result
  std::uint64_t left_behind_bytes = 0;  // layers of built stages that are not in the result
};

using Event = std::variant<StepStarted, StepOutput, StepProgress, StepNote, StepEnded, Warning, BuildSummary>;

// Receives events. Called from one thread at a time; must not throw and must not block for long. The thread
// may move to a cloned process in the middle of a build.
class EventSink {
 public:
  EventSink() = default;
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;
  virtual ~EventSink() = default;
  virtual void on(const Event& event) = 0;
  // Time passes: a display shows running clocks. Whoever sends events calls it about every 100 ms while it
  // waits, from the thread that calls on().
  virtual void tick() {}
  // No more events follow: a terminal display leaves its final picture. Calling it again, also from the
  // process from which the sender was cloned, does nothing.
  virtual void finish() {}
};

}  // namespace shale
