// SPDX-License-Identifier: Apache-2.0
// Events and messages between our processes.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "export/control_channel.h"
#include "export/event_wire.h"
#include "sys/process.h"
#include "tests/unit/store/testing.h"

namespace shale::exporter {
namespace {

TEST(EventWire, GivesBackWhatWasSent) {
  const Event events[] = {
      StepStarted{.step = 3, .name = "pulling \"x\""},
      StepProgress{.step = 3, .item = "abc", .current = 1ULL << 40, .total = 1ULL << 41, .finished = true},
      StepNote{.step = 3, .text = "why"},
      StepEnded{.step = 3,
                .end = StepEnd::kCancelled,
                .elapsed = std::chrono::nanoseconds(7),
                .message = "m",
                .log_path = "/l"},
      Warning{.rule = "R", .text = "t", .span = {.file = "f", .line = 9}, .excerpt = "e"},
  };
  for (const Event& event : events) {
    const std::optional<Json> json = event_to_json(event);
    ASSERT_TRUE(json);
    const std::optional<Event> back = event_from_json(*json);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->index(), event.index());
    EXPECT_EQ(event_to_json(*back), json);
  }
}

TEST(EventWire, LeavesOutWhatOnlyABuildHas) {
  EXPECT_FALSE(event_to_json(StepOutput{.step = 1, .bytes = "x"}));
  EXPECT_FALSE(event_to_json(BuildSummary{}));
  EXPECT_FALSE(event_from_json(Json{{"event", "something else"}}));
}

TEST(ControlChannel, CarriesMessagesLongerThanAPacket) {
  ASSERT_OK_AND_ASSIGN(FdPair pair, sys::make_socket_pair(SOCK_SEQPACKET));
  ControlChannel left(std::move(pair.first));
  ControlChannel right(std::move(pair.second));
  const Json large = {{"text", std::string(3'000'000, 'x')}};
  std::thread sender([&] {
    EXPECT_TRUE(left.send(large));
    EXPECT_TRUE(left.send({{"small", 1}}));
    left = ControlChannel(UniqueFd());
  });
  ASSERT_OK_AND_ASSIGN(const std::optional<Json> first, right.receive());
  ASSERT_OK_AND_ASSIGN(const std::optional<Json> second, right.receive());
  ASSERT_OK_AND_ASSIGN(const std::optional<Json> end, right.receive());
  sender.join();
  EXPECT_EQ(first, large);
  EXPECT_EQ(second, Json({{"small", 1}}));
  EXPECT_FALSE(end);
}

}  // namespace
}  // namespace shale::exporter
