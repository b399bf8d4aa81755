// SPDX-License-Identifier: Apache-2.0
// Tests of the log form of progress: the exact text of scripted builds.
#include "cli/plain_progress.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace shale::cli {
namespace {

TEST(ProgressMode, TheEnvironmentHasTheDefault) {
  ::setenv("BUILDKIT_PROGRESS", "tty", 1);
  EXPECT_EQ(*parse_progress_mode("", false), ProgressMode::kTty);
  EXPECT_EQ(*parse_progress_mode("plain", false), ProgressMode::kPlain);
  EXPECT_EQ(*parse_progress_mode("", true), ProgressMode::kQuiet);
  ::setenv("BUILDKIT_PROGRESS", "nonsense", 1);
  EXPECT_FALSE(parse_progress_mode("", false));
  ::unsetenv("BUILDKIT_PROGRESS");
}

using namespace std::chrono_literals;

class PlainProgressTest : public testing::Test {
 protected:
  Screen screen(Colors colors = Colors::kKeep) {
    return {.write = [this](std::string_view text) { text_ += text; },
            .size = [] { return TerminalSize{}; },
            .now = [this] { return now_; },
            .colors = colors};
  }
  std::string text_;
  std::chrono::nanoseconds now_{1s};
};

TEST_F(PlainProgressTest, ABuildReadsLikeThis) {
  PlainProgress progress(screen());
  progress.on(StepStarted{1, "load build context"});
  progress.on(StepEnded{1, StepEnd::kDone, 4ms});
  progress.on(StepStarted{2, "[build 1/3] FROM debian:12"});
  progress.on(StepEnded{2, StepEnd::kCached});
  progress.on(StepStarted{3, "[build 2/3] RUN make"});
  progress.on(StepNote{3, "ran because src/main.c changed"});
  now_ += 412ms;
  progress.on(StepOutput{3, 1, "cc -c main.c\ncc -o"});
  now_ += 88ms;
  progress.on(StepOutput{3, 2, "warning: unused\n"});
  now_ += 700ms;
  progress.on(StepOutput{3, 1, " main main.o\n\nend without newline"});
  progress.on(StepEnded{3, StepEnd::kDone, 1200ms});
  progress.on(StepStarted{4, "[build 3/3] RUN false"});
  progress.on(StepEnded{4, StepEnd::kFailed, 10ms, "exit code 1", "/log"});
  progress.on(StepStarted{5, "[other 1/1] RUN sleep 9"});
  progress.on(StepEnded{5, StepEnd::kCancelled, 1s});
  progress.finish();
  EXPECT_EQ(text_,
            "#1 load build context\n"
            "#1 DONE 0.0s\n"
            "\n"
            "#2 [build 1/3] FROM debian:12\n"
            "#2 CACHED\n"
            "\n"
            "#3 [build 2/3] RUN make\n"
            "#3 ran because src/main.c changed\n"
            "#3 0.412 cc -c main.c\n"
            "#3 0.500 warning: unused\n"
            "#3 1.200 cc -o main main.o\n"
            "#3 1.200 \n"
            "#3 1.200 end without newline\n"
            "#3 DONE 1.2s\n"
            "\n"
            "#4 [build 3/3] RUN false\n"
            "#4 ERROR: exit code 1\n"
            "\n"
            "#5 [other 1/1] RUN sleep 9\n"
            "#5 CANCELED\n"
            "\n");
}

TEST_F(PlainProgressTest, LinesOfParallelStepsDoNotMix) {
  PlainProgress progress(screen());
  progress.on(StepStarted{1, "a"});
  progress.on(StepStarted{2, "b"});
  progress.on(StepOutput{1, 1, "first "});
  progress.on(StepOutput{2, 1, "second "});
  progress.on(StepOutput{1, 1, "half\n"});
  progress.on(StepOutput{2, 1, "half\n"});
  EXPECT_EQ(text_, "#1 a\n\n#2 b\n#1 0.000 first half\n#2 0.000 second half\n");
}

TEST_F(PlainProgressTest, LongLinesAreNotCutShort) {
  PlainProgress progress(screen());
  progress.on(StepStarted{1, "a"});
  const std::string line(200'000, 'x');
  text_.clear();
  progress.on(StepOutput{1, 1, line + "\n"});
  EXPECT_EQ(text_, "#1 0.000 " + line + "\n");
}

TEST_F(PlainProgressTest, EndlessLineIsBrokenButNothingIsLost) {
  PlainProgress progress(screen());
  progress.on(StepStarted{1, "a"});
  text_.clear();
  std::size_t sent = 0;
  for (int i = 0; i < 40; ++i) {
    std::string piece;
    for (int j = 0; j < 10'000; ++j) piece += "\xC3\xBC";
    sent += piece.size();
    progress.on(StepOutput{1, 1, piece});
  }
  progress.on(StepEnded{1, StepEnd::kDone, 0ms});
  EXPECT_EQ(text_.find("\xEF\xBF\xBD"), std::string::npos) << "a character was cut in two";
  std::size_t shown = 0;
  for (const char c : text_) shown += static_cast<unsigned char>(c) >= 0x80 ? 1U : 0U;
  EXPECT_EQ(shown, sent);
}

TEST_F(PlainProgressTest, OutputAndNamesCannotActOnTheTerminal) {
  PlainProgress progress(screen(Colors::kStrip));
  progress.on(StepStarted{1, "RUN printf '\033]0;x\a'"});
  progress.on(StepOutput{1, 1, "\033[31mred\033[0m\033]52;c;eA==\a\033[2Jend\n10%\r100%\n"});
  EXPECT_EQ(text_, "#1 RUN printf '\\x1b]0;x\\x07'\n#1 0.000 redend\n#1 0.000 100%\n");
}

TEST_F(PlainProgressTest, DownloadsReportNowAndThen) {
  PlainProgress progress(screen());
  progress.on(StepStarted{1, "pull"});
  text_.clear();
  for (int i = 0; i <= 120; ++i, now_ += 100ms)
    progress.on(StepProgress{1, "sha256:aa", static_cast<std::uint64_t>(i) * 1'000'000, 120'000'000});
  progress.on(StepProgress{1, "sha256:aa", 120'000'000, 120'000'000, true});
  progress.on(StepProgress{1, "sha256:bb", 500, 0, true});
  EXPECT_EQ(text_,
            "#1 sha256:aa 50MB / 120MB\n"
            "#1 sha256:aa 100MB / 120MB\n"
            "#1 sha256:aa 120MB done\n"
            "#1 sha256:bb 500B done\n");
}

TEST_F(PlainProgressTest, WarningsAndSizesStandAtTheEnd) {
  PlainProgress progress(screen());
  progress.on(Warning{.rule = "R", .text = "w", .span = {.file = "Dockerfile", .line = 2}});
  progress.on(BuildSummary{.stages = {{.name = "0", .steps_run = 1}}, .image_bytes = 1000});
  progress.on(StepStarted{1, "a"});
  progress.on(StepEnded{1, StepEnd::kDone, 0ms});
  progress.finish();
  progress.finish();
  EXPECT_EQ(text_,
            "#1 a\n#1 DONE 0.0s\n\nDockerfile:2: warning: w [R]\n\n image 1kB, nothing left behind; 1 run in "
            "0.0s\n");
}

// Most of a build happens in a cloned process, which also finishes the display.
TEST_F(PlainProgressTest, OnlyTheProcessThatSawEverythingFinishes) {
  PlainProgress progress(screen());
  progress.on(StepStarted{1, "a"});
  progress.on(StepOutput{1, 1, "begun"});
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    text_.clear();
    progress.on(StepOutput{1, 1, " and ended"});
    progress.finish();
    _exit(text_ == "#1 0.000 begun and ended\n" ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  text_.clear();
  progress.finish();
  EXPECT_EQ(text_, "");
}

}  // namespace
}  // namespace shale::cli
