// SPDX-License-Identifier: Apache-2.0
// TtyProgress: the terminal form of a build's progress. Ended steps scroll up as lines of their own; below
// them the running ones are redrawn in place.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/progress.h"

namespace shale::cli {

// Draws at most every 100 ms, each picture with one write, driven by on() and tick() alone. One thread at a
// time.
class TtyProgress final : public EventSink {
 public:
  explicit TtyProgress(Screen screen);
  void on(const Event& event) override;
  void tick() override;
  void finish() override;

 private:
  struct Step {
    std::string name;
    std::chrono::nanoseconds start{0};
    std::string unfinished_line;
    std::string last_line;
    std::vector<std::string> notes;
    std::map<std::string, StepProgress> items;  // not finished yet
  };
  struct Picture {
    std::vector<std::string> lines;
    std::vector<int> widths;  // columns each takes
    void add(std::string_view text, int columns, const char* color, const char* reset);
  };

  void handle(const StepStarted& event);
  void handle(const StepOutput& event);
  void handle(const StepProgress& event);
  void handle(const StepNote& event);
  void handle(const StepEnded& event);
  void handle(const Warning& event);
  void handle(const BuildSummary& event);

  Step& step(StepId id);
  // `text` to the left, `time` at the right edge.
  [[nodiscard]] std::string timed_line(std::string_view text, std::string_view time, int columns) const;
  void commit(std::string_view text, const char* sequence);
  [[nodiscard]] Picture running_steps(TerminalSize size) const;
  void add_details(Picture& picture, const Step& step, int columns, std::size_t room) const;
  [[nodiscard]] const char* color(const char* sequence) const;
  void draw_if_due();
  void draw(const Picture& picture);

  Screen screen_;
  Handover handover_;
  std::map<StepId, Step> steps_;  // the running ones
  int ended_ = 0;
  bool failed_ = false;
  std::chrono::nanoseconds first_event_{-1};
  std::chrono::nanoseconds last_draw_{-1};
  std::string committed_;   // lines that scroll, not yet written
  std::vector<int> drawn_;  // widths of the lines of the picture on the screen
  bool cursor_hidden_ = false;
  std::vector<Warning> warnings_;
  std::string summary_;
};

}  // namespace shale::cli
