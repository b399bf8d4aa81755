// SPDX-License-Identifier: Apache-2.0
// Tests of the terminal form of progress: what a small virtual terminal shows in the end.
#include "cli/tty_progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>

namespace shale::cli {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::SizeIs;

// Understands what the display uses and reports everything else. Lines that leave the top are kept.
class VirtualTerminal {
 public:
  explicit VirtualTerminal(int columns) : columns_(columns) {}

  void write(std::string_view text) {
    ++writes;
    while (!text.empty()) text.remove_prefix(take(text));
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> shown = lines_;
    for (std::string& line : shown)
      while (line.ends_with(' ')) line.pop_back();
    while (!shown.empty() && shown.back().empty()) shown.pop_back();
    return shown;
  }
  [[nodiscard]] std::string text() const {
    std::string all;
    for (const std::string& line : lines()) all += line + '\n';
    return all;
  }

  int writes = 0;
  bool cursor_visible = true;
  bool margins = true;
  std::string unknown;

 private:
  std::size_t take(std::string_view text) {
    if (text[0] == '\033') return take_sequence(text);
    if (text[0] == '\r')
      column_ = 0;
    else if (text[0] == '\n')
      down();
    else
      put(text[0]);
    return 1;
  }
  std::size_t take_sequence(std::string_view text) {
    std::size_t end = 2;
    while (end < text.size() && std::isalpha(static_cast<unsigned char>(text[end])) == 0) ++end;
    const std::string sequence(text.substr(0, end + 1));
    const std::string parameters = sequence.substr(2, sequence.size() - 3);
    std::string& line = current();
    if (sequence == "\033[?25l")
      cursor_visible = false;
    else if (sequence == "\033[?25h")
      cursor_visible = true;
    else if (sequence == "\033[?7l")
      margins = false;
    else if (sequence == "\033[?7h")
      margins = true;
    else if (sequence == "\033[K")
      line.resize(std::min(line.size(), column_));
    else if (sequence == "\033[J") {
      line.resize(std::min(line.size(), column_));
      lines_.resize(row_ + 1);
    } else if (sequence.back() == 'A') {
      row_ -= std::min(row_, static_cast<std::size_t>(std::stoi(parameters)));
    } else if (sequence.back() != 'm') {
      unknown += sequence.substr(1);
    }
    return end + 1;
  }
  std::string& current() {
    if (lines_.size() <= row_) lines_.resize(row_ + 1);
    return lines_[row_];
  }
  void down() {
    ++row_;
    column_ = 0;
    current();
  }
  void put(char c) {
    if (column_ >= static_cast<std::size_t>(columns_)) {
      if (!margins) return;
      down();
    }
    std::string& line = current();
    if (line.size() <= column_) line.resize(column_ + 1, ' ');
    line[column_++] = c;
  }

  int columns_;
  std::vector<std::string> lines_;
  std::size_t row_ = 0;
  std::size_t column_ = 0;
};

class TtyProgressTest : public testing::Test {
 protected:
  Screen screen() {
    return {.write = [this](std::string_view text) { terminal_.write(text); },
            .size = [this] { return size_; },
            .now = [this] { return now_; },
            .colors = Colors::kKeep};
  }
  void pass(TtyProgress& progress, std::chrono::milliseconds time) {
    now_ += time;
    progress.tick();
  }
  TerminalSize size_{.columns = 41, .rows = 10};
  VirtualTerminal terminal_{41};
  std::chrono::nanoseconds now_{1s};
};

TEST_F(TtyProgressTest, RunningStepsShowTimeAndLastLine) {
  TtyProgress progress(screen());
  progress.on(StepStarted{1, "[build 2/3] RUN make"});
  progress.on(StepStarted{2, "[web 1/2] RUN npm ci"});
  progress.on(StepOutput{1, 1, "cc a.c\ncc b.c\n"});
  progress.on(StepNote{2, "ran because package.json changed"});
  pass(progress, 3100ms);
  EXPECT_EQ(terminal_.text(),
            " => [build 2/3] RUN make            3.1s\n"
            " => => # cc b.c\n"
            " => [web 1/2] RUN npm ci            3.1s\n"
            " => => ran because package.json changed\n"
            "[+] 3.1s, 0 done, 2 running\n");
  EXPECT_FALSE(terminal_.cursor_visible);
}

TEST_F(TtyProgressTest, EndedStepsCollapseToOneLineEach) {
  TtyProgress progress(screen());
  progress.on(StepStarted{1, "load build context"});
  progress.on(StepEnded{1, StepEnd::kDone, 20ms});
  progress.on(StepStarted{2, "[base 1/1] FROM debian"});
  progress.on(StepEnded{2, StepEnd::kCached});
  progress.on(StepStarted{3, "[build 1/2] RUN make"});
  progress.on(StepStarted{4, "[build 2/2] RUN a-name-that-is-too-long-for-this"});
  progress.on(StepOutput{3, 1, "some output\n"});
  pass(progress, 200ms);
  progress.on(StepEnded{3, StepEnd::kFailed, 200ms, "exit code 1"});
  progress.on(StepEnded{4, StepEnd::kCancelled, 200ms});
  progress.finish();
  EXPECT_EQ(terminal_.text(),
            " => load build context              0.0s\n"
            " => CACHED [base 1/1] FROM debian   0.0s\n"
            " => ERROR [build 1/2] RUN make      0.2s\n"
            " => CANCELED [build 2/2] RUN a-n... 0.2s\n");
  EXPECT_TRUE(terminal_.cursor_visible);
  EXPECT_TRUE(terminal_.margins);
  EXPECT_EQ(terminal_.unknown, "");
}

TEST_F(TtyProgressTest, RedrawsAtMostTenTimesASecond) {
  TtyProgress progress(screen());
  progress.on(StepStarted{1, "a"});
  for (int i = 0; i < 1000; ++i) {
    now_ += 1ms;
    progress.on(StepOutput{1, 1, "line\n"});
    progress.tick();
  }
  EXPECT_LE(terminal_.writes, 11);
  EXPECT_GE(terminal_.writes, 10);
}

TEST_F(TtyProgressTest, ClockRunsWithoutEvents) {
  TtyProgress progress(screen());
  progress.on(StepStarted{1, "a"});
  pass(progress, 100ms);
  EXPECT_THAT(terminal_.text(), HasSubstr("0.1s"));
  pass(progress, 5s);
  EXPECT_THAT(terminal_.text(), HasSubstr("5.1s"));
  EXPECT_THAT(terminal_.lines(), SizeIs(2)) << "the picture is redrawn in place";
}

TEST_F(TtyProgressTest, DownloadsHaveBarsUntilTheyAreFinished) {
  size_.columns = 81;
  terminal_ = VirtualTerminal(81);
  TtyProgress progress(screen());
  progress.on(StepStarted{1, "FROM debian"});
  progress.on(StepProgress{1, "sha256:aaaaaaaaaaaa", 5'000'000, 20'000'000});
  progress.on(StepProgress{1, "sha256:bbbbbbbbbbbb", 300, 0});
  pass(progress, 100ms);
  EXPECT_EQ(terminal_.lines().at(1), " => => sha256:aaaaaaaaaaaa      [=====>              ]    5MB / 20MB");
  EXPECT_EQ(terminal_.lines().at(2), " => => sha256:bbbbbbbbbbbb      300B");
  progress.on(StepProgress{1, "sha256:aaaaaaaaaaaa", 20'000'000, 20'000'000, true});
  progress.on(StepProgress{1, "sha256:bbbbbbbbbbbb", 900, 0, true});
  pass(progress, 100ms);
  EXPECT_THAT(terminal_.lines(), SizeIs(2));
}

TEST_F(TtyProgressTest, OutputCannotActOnTheTerminal) {
  TtyProgress progress(screen());
  progress.on(StepStarted{1, "RUN evil\033[2J"});
  progress.on(StepOutput{1, 1, "one\033]0;title\a\033[2J\033[5A\033[31m two\r\n\033[1;1H\n10%\r20%"});
  pass(progress, 100ms);
  EXPECT_EQ(terminal_.lines().at(0), " => RUN evil\\x1b[2J                 0.1s");
  EXPECT_EQ(terminal_.lines().at(1), " => => # 20%");
  EXPECT_EQ(terminal_.unknown, "");
}

TEST_F(TtyProgressTest, PictureFitsTheWindow) {
  size_.rows = 6;
  TtyProgress progress(screen());
  for (int i = 1; i <= 9; ++i) {
    progress.on(StepStarted{i, "step " + std::to_string(i)});
    progress.on(StepOutput{i, 1, std::string(200, 'x') + "\n"});
  }
  pass(progress, 1s);
  EXPECT_THAT(terminal_.lines(), SizeIs(5));
  EXPECT_EQ(terminal_.lines().back(), "[+] 1.0s, 0 done, 9 running, 5 hidden");
  pass(progress, 1s);
  EXPECT_THAT(terminal_.lines(), SizeIs(5));
}

TEST_F(TtyProgressTest, DetailsGiveWayToSteps) {
  size_.rows = 6;
  TtyProgress progress(screen());
  for (int i = 1; i <= 3; ++i) {
    progress.on(StepStarted{i, "step " + std::to_string(i)});
    progress.on(StepOutput{i, 1, "output " + std::to_string(i) + "\n"});
  }
  pass(progress, 1s);
  EXPECT_EQ(terminal_.text(),
            " => step 1                          1.0s\n"
            " => => # output 1\n"
            " => step 2                          1.0s\n"
            " => step 3                          1.0s\n"
            "[+] 1.0s, 0 done, 3 running\n");
}

TEST_F(TtyProgressTest, EndsWithWarningsAndSizes) {
  size_.columns = 61;
  terminal_ = VirtualTerminal(61);
  TtyProgress progress(screen());
  progress.on(StepStarted{1, "a"});
  progress.on(StepEnded{1, StepEnd::kDone, 0ms});
  progress.on(Warning{.text = "w"});
  now_ += 2s;
  progress.on(BuildSummary{.stages = {{.name = "0", .steps_cached = 1}}, .image_bytes = 1000});
  progress.finish();
  progress.finish();
  EXPECT_EQ(terminal_.text(),
            " => a                                                   0.0s\n"
            "\n"
            "warning: w\n"
            "\n"
            " image 1kB, nothing left behind; 1 cached in 2.0s\n");
}

TEST_F(TtyProgressTest, NarrowerWindowHasBrokenTheOldLines) {
  size_.columns = 81;
  std::string written;
  Screen watched = screen();
  watched.write = [&](std::string_view text) { written = text; };
  TtyProgress progress(std::move(watched));
  progress.on(StepStarted{1, "a"});  // one line of 80 columns, and the status
  size_.columns = 30;
  pass(progress, 1s);
  EXPECT_THAT(written, testing::StartsWith("\r\033[4A"));
}

TEST_F(TtyProgressTest, StalePictureIsLeftAlone) {
  TtyProgress progress(screen());
  progress.on(StepStarted{1, "a"});
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    progress.on(StepStarted{2, "b"});
    _exit(0);  // without a word, as after SIGKILL
  }
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  const std::string before = terminal_.text();
  progress.finish();
  EXPECT_EQ(terminal_.text(), before);
  EXPECT_TRUE(terminal_.cursor_visible);
}

}  // namespace
}  // namespace shale::cli
