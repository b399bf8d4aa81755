// SPDX-License-Identifier: Apache-2.0
// A process that can have no further threads, as one at its container's limit.
#pragma once

#include <gtest/gtest.h>
#include <pthread.h>

#include <cstddef>

namespace shale::test {

// While it lives, a new thread's stack is to be larger than any address space. Limits of processes would not
// do: root is above them, and another test of the same user would count.
class NoThreads {
 public:
  NoThreads() {
    constexpr std::size_t kTooMuch = std::size_t{1} << 50;
    EXPECT_EQ(::pthread_getattr_default_np(&before_), 0);
    pthread_attr_t attributes;
    EXPECT_EQ(::pthread_attr_init(&attributes), 0);
    EXPECT_EQ(::pthread_attr_setstacksize(&attributes, kTooMuch), 0);
    EXPECT_EQ(::pthread_setattr_default_np(&attributes), 0);
    ::pthread_attr_destroy(&attributes);
  }
  ~NoThreads() {
    EXPECT_EQ(::pthread_setattr_default_np(&before_), 0);
    ::pthread_attr_destroy(&before_);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;

 private:
  pthread_attr_t before_{};
};

}  // namespace shale::test
