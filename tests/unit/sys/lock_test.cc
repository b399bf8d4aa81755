// SPDX-License-Identifier: Apache-2.0
#include "sys/lock.h"

#include <signal.h>
#include <sys/wait.h>

#include "sys/process.h"
#include "testing.h"

namespace shale::sys {
namespace {

using Mode = FileLock::Mode;

class LockTest : public DirectoryTest {
 protected:
  [[nodiscard]] ErrorKind kind_of_try(Mode mode) const {
    const Result<FileLock> lock = FileLock::try_acquire(dir(), "lock", mode);
    return lock ? ErrorKind::kInternal : lock.error().kind();
  }
  [[nodiscard]] bool is_free() const {
    return FileLock::try_acquire(dir(), "lock", Mode::kExclusive).has_value();
  }
};

TEST_F(LockTest, OneWriterOrManyReaders) {
  {
    const Result<FileLock> writer = FileLock::acquire(dir(), "lock", Mode::kExclusive);
    ASSERT_TRUE(writer);
    EXPECT_EQ(kind_of_try(Mode::kExclusive), ErrorKind::kBusy);
    EXPECT_EQ(kind_of_try(Mode::kShared), ErrorKind::kBusy);
  }
  const Result<FileLock> first = FileLock::try_acquire(dir(), "lock", Mode::kShared);
  const Result<FileLock> second = FileLock::try_acquire(dir(), "lock", Mode::kShared);
  EXPECT_TRUE(first && second);
  EXPECT_EQ(kind_of_try(Mode::kExclusive), ErrorKind::kBusy);
}

TEST_F(LockTest, MovingKeepsItAndItsEndGivesItUp) {
  Result<FileLock> made = FileLock::acquire(dir(), "lock", Mode::kExclusive);
  ASSERT_TRUE(made);
  {
    const FileLock moved = std::move(*made);
    EXPECT_TRUE(moved.held());
    EXPECT_FALSE(is_free());
  }
  EXPECT_TRUE(is_free());
}

TEST_F(LockTest, AssigningNothingGivesItUp) {
  Result<FileLock> lock = FileLock::acquire(dir(), "lock", Mode::kExclusive);
  ASSERT_TRUE(lock);
  *lock = {};
  EXPECT_FALSE(lock->held());
  EXPECT_TRUE(is_free());
}

TEST_F(LockTest, ALinkIsNotFollowed) {
  write("target", "");
  link("target", "lock");
  EXPECT_EQ(FileLock::try_acquire(dir(), "lock", Mode::kExclusive).error().errno_value(), ELOOP);
}

// A process of our own that takes the lock, says so, and holds it until it is killed.
class Holder {
 public:
  Holder(int dir, Mode mode) : ready_(std::move(make_pipe().value())), pid_(::fork()) {
    if (pid_ == 0) {
      const Result<FileLock> lock = FileLock::acquire(dir, "lock", mode);
      (void)!::write(ready_.second.get(), lock ? "y" : "n", 1);
      for (;;) ::pause();
    }
    ready_.second.reset();
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() { kill(); }
  // Waits until it has the lock.
  bool holds() {
    char answer = 0;
    return ::read(ready_.first.get(), &answer, 1) == 1 && answer == 'y';
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  FdPair ready_;
  pid_t pid_ = -1;
};

TEST_F(LockTest, HoldsAgainstAnotherProcessAndDiesWithIt) {
  Holder holder(dir(), Mode::kExclusive);
  ASSERT_TRUE(holder.holds());
  EXPECT_EQ(kind_of_try(Mode::kShared), ErrorKind::kBusy);
  holder.kill();
  EXPECT_TRUE(is_free()) << "a lock must not outlive its process";
}

TEST_F(LockTest, SharedIsSharedBetweenProcesses) {
  Holder holder(dir(), Mode::kShared);
  ASSERT_TRUE(holder.holds());
  EXPECT_TRUE(FileLock::try_acquire(dir(), "lock", Mode::kShared));
  EXPECT_FALSE(is_free());
}

TEST_F(LockTest, AcquireWaitsForTheHolder) {
  Result<FileLock> ours = FileLock::acquire(dir(), "lock", Mode::kExclusive);
  ASSERT_TRUE(ours);
  // The child must not inherit our hold: it closes the duplicate first.
  const FdPair pipe = std::move(make_pipe().value());
  const pid_t pid = ::fork();
  if (pid == 0) {
    *ours = {};
    const Result<FileLock> theirs = FileLock::acquire(dir(), "lock", Mode::kExclusive);
    (void)!::write(pipe.second.get(), "x", 1);
    ::_exit(theirs ? 0 : 1);
  }
  ASSERT_EQ(::fcntl(pipe.first.get(), F_SETFL, O_NONBLOCK), 0);
  char got = 0;
  ::usleep(100'000);
  EXPECT_EQ(::read(pipe.first.get(), &got, 1), -1) << "it has to wait while we hold it";
  *ours = {};
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(::read(pipe.first.get(), &got, 1), 1);
}

TEST_F(LockTest, ADuplicateInAChildKeepsIt) {
  Result<FileLock> ours = FileLock::acquire(dir(), "lock", Mode::kExclusive);
  ASSERT_TRUE(ours);
  const FdPair pipe = std::move(make_pipe().value());
  const pid_t pid = ::fork();
  if (pid == 0) {
    char byte = 0;
    (void)!::read(pipe.first.get(), &byte, 1);
    ::_exit(0);
  }
  *ours = {};
  EXPECT_FALSE(is_free()) << "a build's clone holds the build's lock";
  ASSERT_EQ(::write(pipe.second.get(), "x", 1), 1);
  ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
  EXPECT_TRUE(is_free());
}

}  // namespace
}  // namespace shale::sys
