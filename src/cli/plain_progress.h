// SPDX-License-Identifier: Apache-2.0
// PlainProgress: the log form of a build's progress, one whole line after another.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "cli/progress.h"

namespace shale::cli {

// "#7 [build 3/5] RUN make", "#7 0.412 text", "#7 DONE 1.2s". Lines are never cut short, and those of steps
// that run at the same time do not mix. One thread at a time.
class PlainProgress final : public EventSink {
 public:
  explicit PlainProgress(Screen screen);
  void on(const Event& event) override;
  void finish() override;

 private:
  struct Step {
    std::chrono::nanoseconds start{0};
    std::array<std::string, 2> unfinished_lines;  // of stdout and stderr
    std::map<std::string, std::chrono::nanoseconds> item_shown;
  };

  void handle(const StepStarted& event);
  void handle(const StepOutput& event);
  void handle(const StepProgress& event);
  void handle(const StepNote& event);
  void handle(const StepEnded& event);
  void handle(const Warning& event);
  void handle(const BuildSummary& event);
  Step& step(StepId id);
  void output_line(StepId id, const Step& step, std::string_view line);
  void flush();

  Screen screen_;
  Handover handover_;
  std::map<StepId, Step> steps_;  // those that have not ended
  std::vector<Warning> warnings_;
  std::string summary_;
  std::string pending_;  // what on() has to write
  bool anything_written_ = false;
  bool failed_ = false;
  std::chrono::nanoseconds first_event_{-1};
};

}  // namespace shale::cli
