// SPDX-License-Identifier: Apache-2.0
#include "sys/thread.h"

#include <gmock/gmock.h>
#include <signal.h>

#include "support/no_threads.h"

namespace shale::sys {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

TEST(StartThread, ItsSignalsAreBlockedAndOursAreNot) {
  sigset_t there;
  Result<std::thread> thread =
      start_thread("looks at its signals", [&] { ::pthread_sigmask(SIG_SETMASK, nullptr, &there); });
  ASSERT_TRUE(thread);
  thread->join();
  sigset_t here;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &here);
  EXPECT_EQ(::sigismember(&there, SIGINT), 1);
  EXPECT_EQ(::sigismember(&here, SIGINT), 0);
}

TEST(StartThread, OneThatCannotBeHadIsAnErrorWithARemedy) {
  const test::NoThreads none;
  const Result<std::thread> thread = start_thread("hashes", [] {});
  ASSERT_FALSE(thread);
  EXPECT_EQ(thread.error().message(), "start a thread that hashes");
  EXPECT_THAT(thread.error().hints(), Contains(HasSubstr("--pids-limit")));
}

}  // namespace
}  // namespace shale::sys
