// SPDX-License-Identifier: Apache-2.0
#include "build/event_loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "support/no_threads.h"
#include "sys/process.h"

namespace shale::build {
namespace {

std::unique_ptr<EventLoop> make_loop(int workers = 2) {
  Result<std::unique_ptr<EventLoop>> loop = EventLoop::create(workers);
  EXPECT_TRUE(loop);
  return std::move(*loop);
}

TEST(EventLoop, ADescriptorThatHasSomethingCallsItsCallback) {
  const std::unique_ptr<EventLoop> loop = make_loop();
  Result<FdPair> pipe = sys::make_pipe();
  ASSERT_TRUE(pipe);
  int calls = 0;
  loop->watch(pipe->first.get(), [&] {
    char byte = 0;
    ASSERT_EQ(::read(pipe->first.get(), &byte, 1), 1);
    ++calls;
  });
  ASSERT_EQ(::write(pipe->second.get(), "ab", 2), 2);
  ASSERT_TRUE(loop->run([&] { return calls == 2; }));
  EXPECT_EQ(calls, 2);
}

TEST(EventLoop, ACallbackMayTakeItselfAndItsNeighbourAway) {
  const std::unique_ptr<EventLoop> loop = make_loop();
  Result<FdPair> first = sys::make_pipe();
  Result<FdPair> second = sys::make_pipe();
  ASSERT_TRUE(first && second);
  int calls = 0;
  const auto take_both = [&] {
    ++calls;
    loop->unwatch(first->first.get());
    loop->unwatch(second->first.get());
  };
  // Both are ready in the same round: only one of them may still be called.
  loop->watch(first->first.get(), take_both);
  loop->watch(second->first.get(), take_both);
  ASSERT_EQ(::write(first->second.get(), "x", 1), 1);
  ASSERT_EQ(::write(second->second.get(), "x", 1), 1);
  int turns = 0;
  ASSERT_TRUE(loop->run([&] { return ++turns > 3; }));
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, WorkRunsElsewhereAndIsDoneHere) {
  const std::unique_ptr<EventLoop> loop = make_loop();
  const std::thread::id here = std::this_thread::get_id();
  std::thread::id worked;
  std::thread::id finished;
  loop->submit([&] { worked = std::this_thread::get_id(); }, [&] { finished = std::this_thread::get_id(); });
  ASSERT_TRUE(loop->run([&] { return finished != std::thread::id(); }));
  EXPECT_NE(worked, here);
  EXPECT_EQ(finished, here);
}

TEST(EventLoop, NoMoreWorkersThanAllowed) {
  constexpr int kLimit = 2;
  constexpr int kTasks = 20;
  const std::unique_ptr<EventLoop> loop = make_loop(kLimit);
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  int done = 0;
  for (int i = 0; i < kTasks; ++i)
    loop->submit(
        [&] {
          const int now = ++running;
          int seen = most;
          while (now > seen && !most.compare_exchange_weak(seen, now)) {
          }
          std::this_thread::yield();
          --running;
        },
        [&] { ++done; });
  ASSERT_TRUE(loop->run([&] { return done == kTasks; }));
  EXPECT_LE(most, kLimit);
}

TEST(EventLoop, WorkMayBeSubmittedFromWhatIsDone) {
  const std::unique_ptr<EventLoop> loop = make_loop();
  int depth = 0;
  std::function<void()> next = [&] {
    if (++depth < 5) loop->submit([] {}, next);
  };
  loop->submit([] {}, next);
  ASSERT_TRUE(loop->run([&] { return depth == 5; }));
}

TEST(EventLoop, ItsEndWaitsForWorkThatHasBegunAndDropsTheRest) {
  std::atomic<bool> begun{false};
  std::atomic<bool> dropped{false};
  std::atomic<int> ran{0};
  {
    const std::unique_ptr<EventLoop> loop = make_loop(1);
    loop->submit(
        [&] {
          begun = true;
          while (!dropped) std::this_thread::yield();
          ++ran;
        },
        [] {});
    while (!begun) std::this_thread::yield();
    // Goes with the task that holds it.
    const auto token = [&] { return std::shared_ptr<void>(nullptr, [&](void*) { dropped = true; }); };
    loop->submit([&ran, held = token()] { ++ran; }, [] {});
  }
  EXPECT_EQ(ran, 1);
}

TEST(EventLoop, WithoutThreadsItWorksItself) {
  const test::NoThreads none;
  const std::unique_ptr<EventLoop> loop = make_loop();
  std::thread::id worked;
  int done = 0;
  for (int i = 0; i < 2; ++i) loop->submit([&] { worked = std::this_thread::get_id(); }, [&] { ++done; });
  EXPECT_EQ(done, 0) << "what follows is for the loop";
  ASSERT_TRUE(loop->run([&] { return done == 2; }));
  EXPECT_EQ(worked, std::this_thread::get_id());
}

TEST(EventLoop, TicksComeWhileNothingHappens) {
  const std::unique_ptr<EventLoop> loop = make_loop();
  int ticks = 0;
  loop->on_tick([&] { ++ticks; });
  ASSERT_TRUE(loop->run([&] { return ticks == 2; }));
}

}  // namespace
}  // namespace shale::build
