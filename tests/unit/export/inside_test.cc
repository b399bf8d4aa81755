// SPDX-License-Identifier: Apache-2.0
#include "export/inside.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>

#include "export/progress.h"
#include "tests/unit/store/testing.h"

namespace shale::exporter {
namespace {

class Recorder : public EventSink {
 public:
  void on(const Event& event) override {
    if (const auto* started = std::get_if<StepStarted>(&event)) names.push_back(started->name);
    if (const auto* ended = std::get_if<StepEnded>(&event)) ends.push_back(ended->end);
  }
  std::vector<std::string> names;
  std::vector<StepEnd> ends;
};

class InsideTest : public testing::Test {
 protected:
  void SetUp() override {
    const Result<Json> tried = run_inside({}, [](Inside&) -> Result<Json> { return Json(1); });
    if (!tried) GTEST_SKIP() << "no user namespaces here: " << tried.error().to_line();
  }
};

TEST_F(InsideTest, BringsAResultOutOfARootUser) {
  const std::string captured(200'000, 'x');
  ASSERT_OK_AND_ASSIGN(const Json result, run_inside({}, [&](Inside& inside) -> Result<Json> {
                         return Json{
                             {"uid", ::getuid()}, {"encoding", inside.encoding()}, {"long", captured}};
                       }));
  EXPECT_EQ(json_int(result, "uid", -1), 0);
  EXPECT_EQ(json_string(result, "long"), captured);
  ASSERT_OK_AND_ASSIGN(const runtime::IdMaps maps, runtime::plan_id_maps());
  EXPECT_EQ(json_string(result, "encoding"), encoding_of(maps));
}

TEST_F(InsideTest, BringsAnErrorOutWhole) {
  const Result<Json> result = run_inside({}, [](Inside&) -> Result<Json> {
    return fail(Error(ErrorKind::kRegistry, "no").hint("try").context("while"));
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::kRegistry);
  EXPECT_EQ(result.error().hints(), std::vector<std::string>{"try"});
}

TEST_F(InsideTest, EventsAndQuestionsReachTheOutside) {
  Recorder recorder;
  const InsideOptions options{.events = &recorder, .answer = [](const Json& request) -> Result<Json> {
                                if (request == "refuse") return fail(ErrorKind::kPermission, "refused");
                                return Json{{"you said", request}};
                              }};
  ASSERT_OK_AND_ASSIGN(const Json result, run_inside(options, [](Inside& inside) -> Result<Json> {
                         ProgressStep step(inside.events(), 1, "working");
                         ASSIGN_OR_RETURN(const Json answer, inside.ask("hello"));
                         const Result<Json> refused = inside.ask("refuse");
                         step.end();
                         return Json{{"answer", answer},
                                     {"refused", refused ? "" : refused.error().message()}};
                       }));
  EXPECT_EQ(result, (Json{{"answer", {{"you said", "hello"}}}, {"refused", "refused"}}));
  EXPECT_EQ(recorder.names, std::vector<std::string>{"working"});
  EXPECT_EQ(recorder.ends, std::vector<StepEnd>{StepEnd::kDone});
}

TEST_F(InsideTest, ASignalToTheOutsideStopsTheWork) {
  const pid_t outer = ::getpid();
  const Result<Json> result = run_inside({}, [&](Inside& inside) -> Result<Json> {
    ::kill(outer, SIGTERM);
    Recorder nothing;
    RETURN_IF_ERROR(Progress(nothing, 1, inside.stop_fd()).wait({}));
    return Json("was not stopped");
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::kCancelled);
}

TEST_F(InsideTest, WorkThatIgnoresASignalIsKilled) {
  const pid_t outer = ::getpid();
  InsideOptions options;
  options.grace = std::chrono::milliseconds(50);
  const Result<Json> result = run_inside(options, [&](Inside&) -> Result<Json> {
    ::kill(outer, SIGINT);
    ::sleep(60);
    return Json("slept");
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::kCancelled);
}

TEST_F(InsideTest, AKilledProcessIsAnErrorAndLeavesNoChild) {
  int pipe_fds[2];
  ASSERT_EQ(::pipe(pipe_fds), 0);
  const Result<Json> result = run_inside({}, [&](Inside&) -> Result<Json> {
    if (::fork() == 0) {
      ::sleep(60);
      ::_exit(0);
    }
    ::kill(::getpid(), SIGKILL);
    return Json();
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind(), ErrorKind::kSystem);
  // The child had the write end too: it is closed when the child is dead.
  ::close(pipe_fds[1]);
  struct pollfd end{.fd = pipe_fds[0], .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&end, 1, 10'000), 1);
  EXPECT_NE(end.revents & POLLHUP, 0);
  ::close(pipe_fds[0]);
}

TEST(Encoding, DependsOnTheMapsAndNothingElse) {
  runtime::IdMaps full;
  full.kind = runtime::IdMaps::Kind::kFull;
  full.uids = {{0, 1000, 1}, {1, 100000, 65536}};
  full.gids = full.uids;
  runtime::IdMaps other = full;
  EXPECT_EQ(encoding_of(full), encoding_of(other));
  EXPECT_TRUE(encoding_of(full).starts_with("full-"));
  other.gids[1].outside = 200000;
  EXPECT_NE(encoding_of(full), encoding_of(other));
  other.kind = runtime::IdMaps::Kind::kSingle;
  EXPECT_EQ(encoding_of(other), "single");
  other.kind = runtime::IdMaps::Kind::kIdentity;
  EXPECT_EQ(encoding_of(other), "identity");
}

}  // namespace
}  // namespace shale::exporter
