// SPDX-License-Identifier: Apache-2.0
#include "sys/process.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <thread>

#include "testing.h"

namespace shale::sys {
namespace {

using ::testing::HasSubstr;

SpawnOptions shell(const std::string& script) {
  SpawnOptions options;
  options.program = "/bin/sh";
  options.args = {"sh", "-c", script};
  return options;
}

struct Ran {
  ExitStatus status;
  std::string output;
};

// Runs it to its end, with its standard output caught.
Result<Ran> run(SpawnOptions options) {
  ASSIGN_OR_RETURN(FdPair pipe, make_pipe());
  options.fds.emplace_back(pipe.second.get(), 1);
  ASSIGN_OR_RETURN(ChildProcess child, spawn(options));
  pipe.second.reset();
  Ran ran;
  ASSIGN_OR_RETURN(ran.output, read_fd(pipe.first.get(), "output"));
  ASSIGN_OR_RETURN(ran.status, child.wait());
  return ran;
}

std::string output_of(const SpawnOptions& options) {
  const Result<Ran> ran = run(options);
  return ran ? ran->output : "error: " + ran.error().to_line();
}

// Which descriptors a program finds open, one per line. (What the pattern's own reading opened is closed when
// asked.)
constexpr const char* kListDescriptors =
    "for f in /proc/$$/fd/*; do if [ -e $f ]; then echo ${f##*/}; fi; done";

TEST(Spawn, ExitStatus) {
  const Result<Ran> ran = run(shell("exit 7"));
  ASSERT_TRUE(ran);
  EXPECT_EQ(ran->status.code, 7);
  EXPECT_EQ(ran->status.signal, 0);
  EXPECT_FALSE(ran->status.ok());
  EXPECT_EQ(ran->status.shell_code(), 7);
  EXPECT_TRUE(run(shell("exit 0"))->status.ok());
}

TEST(Spawn, EndBySignal) {
  const Result<Ran> ran = run(shell("kill -TERM $$"));
  ASSERT_TRUE(ran);
  EXPECT_EQ(ran->status.signal, SIGTERM);
  EXPECT_FALSE(ran->status.ok());
  EXPECT_EQ(ran->status.shell_code(), 128 + SIGTERM);
}

TEST(Spawn, AFailedExecIsAnErrorOfSpawn) {
  SpawnOptions options;
  options.args = {"x"};
  options.program = "/no/such/program";
  const Result<ChildProcess> missing = spawn(options);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().errno_value(), ENOENT);
  EXPECT_THAT(missing.error().message(), HasSubstr("/no/such/program"));
  options.program = "/etc/passwd";
  EXPECT_EQ(spawn(options).error().errno_value(), EACCES);
  // Nothing is left to be reaped.
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
}

TEST(Spawn, WorkingDirectory) {
  SpawnOptions options = shell("pwd -P");
  options.working_directory = "/usr/bin/..";
  EXPECT_EQ(output_of(options), "/usr\n");
  options.working_directory = "/no/such/directory";
  EXPECT_EQ(spawn(options).error().errno_value(), ENOENT);
}

TEST(Spawn, EnvironmentIsOursOrExactlyTheOneGiven) {
  ::setenv("SHALE_SPAWN_TEST", "inherited", 1);
  EXPECT_EQ(output_of(shell("echo $SHALE_SPAWN_TEST")), "inherited\n");
  SpawnOptions options;
  options.program = "/usr/bin/env";
  options.args = {"env"};
  options.env = std::vector<std::string>{"A=1", "B=two words"};
  EXPECT_EQ(output_of(options), "A=1\nB=two words\n");
  options.env = std::vector<std::string>{};
  EXPECT_EQ(output_of(options), "");
  ::unsetenv("SHALE_SPAWN_TEST");
}

TEST(Spawn, NothingLeaks) {
  // Without close-on-exec, as a careless library opens them: low, high, and far above any number wanted.
  const UniqueFd low(::open("/dev/null", O_RDONLY));
  const UniqueFd middle(::fcntl(low.get(), F_DUPFD, 50));
  const UniqueFd high(::fcntl(low.get(), F_DUPFD, 700));
  ASSERT_TRUE(low && middle && high);
  EXPECT_EQ(output_of(shell(kListDescriptors)), "0\n1\n2\n");
  SpawnOptions options = shell(kListDescriptors);
  options.fds = {{middle.get(), 60}};
  EXPECT_EQ(output_of(options), "0\n1\n2\n60\n");
}

TEST(Spawn, StandardStreamsThatAreNotNamedAreNull) {
  SpawnOptions options = shell("readlink /proc/$$/fd/0 /proc/$$/fd/2");
  EXPECT_EQ(output_of(options), "/dev/null\n/dev/null\n");
}

TEST(Spawn, DescriptorsMayTradeNumbers) {
  const FdPair first = std::move(make_pipe().value());
  const FdPair second = std::move(make_pipe().value());
  ASSERT_TRUE(write_all(first.second.get(), "first"));
  ASSERT_TRUE(write_all(second.second.get(), "second"));
  const UniqueFd one(::fcntl(first.first.get(), F_DUPFD_CLOEXEC, 20));
  const UniqueFd two(::fcntl(second.first.get(), F_DUPFD_CLOEXEC, one.get() + 1));
  SpawnOptions options =
      shell(fmt::format("head -c 5 /proc/self/fd/{}; head -c 6 /proc/self/fd/{}", two.get(), one.get()));
  options.fds = {{one.get(), two.get()}, {two.get(), one.get()}};
  EXPECT_EQ(output_of(options), "firstsecond");
}

TEST(Spawn, OneDescriptorMayHaveTwoNumbers) {
  SpawnOptions options = shell("echo to one; echo to two >&2");
  FdPair pipe = std::move(make_pipe().value());
  options.fds = {{pipe.second.get(), 1}, {pipe.second.get(), 2}};
  Result<ChildProcess> child = spawn(options);
  ASSERT_TRUE(child);
  pipe.second.reset();
  EXPECT_EQ(read_fd(pipe.first.get(), "output").value(), "to one\nto two\n");
  EXPECT_TRUE(child->wait()->ok());
}

TEST(Spawn, AProgramByDescriptor) {
  const Result<std::string> bytes = read_file(AT_FDCWD, "/bin/sh");
  ASSERT_TRUE(bytes);
  const Result<UniqueFd> program = sealed_memfd("a-shell", *bytes);
  ASSERT_TRUE(program);
  SpawnOptions options = shell("echo ran");
  options.program.clear();
  options.program_fd = program->get();
  EXPECT_EQ(output_of(options), "ran\n");
  // Even if another descriptor wants its number.
  options.fds = {{0, program->get()}};
  EXPECT_EQ(output_of(options), "ran\n");
}

TEST(Spawn, SignalsAreAsIfNobodyHadTouchedThem) {
  sigset_t blocked;
  sigset_t before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto pipe_before = ::signal(SIGPIPE, SIG_IGN);
  const auto interrupt_before = ::signal(SIGINT, SIG_IGN);
  // Bit n - 1 is signal n: 2 INT, 13 PIPE, 15 TERM. Others are the caller's choice (nohup ignores SIGHUP,
  // tests SIGALRM).
  SpawnOptions options;
  options.program = "/bin/grep";  // not a shell, which blocks signals itself
  options.args = {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"};
  const std::string status = output_of(options);
  ::signal(SIGINT, interrupt_before);
  ::signal(SIGPIPE, pipe_before);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_THAT(status, HasSubstr("SigBlk:\t0000000000000000"));
  const std::size_t at = status.find("SigIgn:\t");
  ASSERT_NE(at, std::string::npos) << status;
  const std::uint64_t ignored = std::stoull(status.substr(at + 8), nullptr, 16);
  EXPECT_EQ(ignored & ((1U << (SIGINT - 1)) | (1U << (SIGPIPE - 1)) | (1U << (SIGTERM - 1))), 0U);
  // Our own mask is untouched.
  sigset_t now;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &now);
  EXPECT_EQ(::sigismember(&now, SIGTERM), ::sigismember(&before, SIGTERM));
}

TEST(Spawn, NewSession) {
  SpawnOptions options = shell("exec sleep 1000");
  const Result<ChildProcess> same = spawn(options);
  options.new_session = true;
  const Result<ChildProcess> own = spawn(options);
  ASSERT_TRUE(same && own);
  EXPECT_EQ(::getsid(same->pid()), ::getsid(0));
  EXPECT_EQ(::getsid(own->pid()), own->pid());
}

TEST(Spawn, FromManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  std::vector<std::string> outputs(8);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    threads.emplace_back([&outputs, i] { outputs[i] = output_of(shell(fmt::format("echo {}", i))); });
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < outputs.size(); ++i) EXPECT_EQ(outputs[i], fmt::format("{}\n", i));
}

TEST(ChildProcess, ItsEndKillsAndReaps) {
  pid_t pid = 0;
  {
    const Result<ChildProcess> child = spawn(shell("exec sleep 1000"));
    ASSERT_TRUE(child);
    pid = child->pid();
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH) << "neither running nor a zombie";
}

TEST(ChildProcess, PidfdTellsTheEnd) {
  FdPair pipe = std::move(make_pipe().value());
  SpawnOptions options = shell("read line");
  options.fds = {{pipe.first.get(), 0}};
  Result<ChildProcess> child = spawn(options);
  ASSERT_TRUE(child);
  struct pollfd ended{child->pidfd(), POLLIN, 0};
  EXPECT_EQ(::poll(&ended, 1, 0), 0);
  ASSERT_TRUE(write_all(pipe.second.get(), "go\n"));
  EXPECT_EQ(::poll(&ended, 1, 60'000), 1);
  EXPECT_TRUE(child->running()) << "not reaped yet";
  EXPECT_TRUE(child->wait()->ok());
  EXPECT_FALSE(child->running());
}

TEST(ChildProcess, MovingHandsOver) {
  Result<ChildProcess> first = spawn(shell("exec sleep 1000"));
  ASSERT_TRUE(first);
  const pid_t pid = first->pid();
  ChildProcess second = std::move(*first);
  EXPECT_FALSE(first->running());
  EXPECT_EQ(second.pid(), pid);
  ASSERT_TRUE(second.send_signal(SIGTERM));
  EXPECT_EQ(second.wait()->signal, SIGTERM);
  EXPECT_FALSE(second.send_signal(SIGTERM)) << "a reaped process gets no signal, whoever has its number now";
}

// Starts a process that starts `sleep` and is killed. Whether sleep ends within the time is seen at a pipe it
// holds.
bool grandchild_ends_too(bool die_with_parent, int milliseconds) {
  FdPair held = std::move(make_pipe().value());
  FdPair told = std::move(make_pipe().value());
  const pid_t middle = ::fork();
  if (middle == 0) {
    SpawnOptions options = shell("exec sleep 1000");
    options.die_with_parent = die_with_parent;
    options.new_session = true;
    options.fds = {{held.second.get(), 1}};
    const Result<ChildProcess> child = spawn(options);
    const pid_t pid = child ? child->pid() : -1;
    (void)!::write(told.second.get(), &pid, sizeof pid);
    ::kill(::getpid(), SIGKILL);
  }
  held.second.reset();
  pid_t grandchild = -1;
  EXPECT_EQ(::read(told.first.get(), &grandchild, sizeof grandchild),
            static_cast<ssize_t>(sizeof grandchild));
  ::waitpid(middle, nullptr, 0);
  struct pollfd end{held.first.get(), POLLIN, 0};
  const bool ended = ::poll(&end, 1, milliseconds) == 1;
  if (!ended && grandchild > 0) ::kill(grandchild, SIGKILL);
  return ended;
}

TEST(ChildProcess, DiesWithItsParentIfAsked) {
  EXPECT_TRUE(grandchild_ends_too(true, 60'000));
  EXPECT_FALSE(grandchild_ends_too(false, 300));
}

TEST(Paths, OfThisProgramAndItsHelpers) {
  const Result<std::string> self = self_path();
  ASSERT_TRUE(self);
  const std::string name = self->substr(self->find_last_of('/') + 1);
  EXPECT_EQ(helper_path(name).value(), *self) << "beside this program lies this program";
  const Result<std::string> missing = helper_path("shale-no-such-helper");
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message(), HasSubstr("'shale-no-such-helper' is neither beside " + *self));
}

TEST(Pipes, AreCloseOnExecAndConnected) {
  const FdPair pipe = std::move(make_pipe().value());
  const FdPair sockets = std::move(make_socket_pair(SOCK_SEQPACKET).value());
  for (const int fd : {pipe.first.get(), pipe.second.get(), sockets.first.get(), sockets.second.get()})
    EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
  ASSERT_TRUE(write_all(pipe.second.get(), "x"));
  char byte = 0;
  EXPECT_EQ(::read(pipe.first.get(), &byte, 1), 1);
  // Messages keep their borders.
  ASSERT_EQ(::send(sockets.first.get(), "abc", 3, 0), 3);
  ASSERT_EQ(::send(sockets.first.get(), "d", 1, 0), 1);
  char message[16];
  EXPECT_EQ(::recv(sockets.second.get(), message, sizeof message, 0), 3);
}

TEST(SealedMemfd, CannotBeChanged) {
  const Result<UniqueFd> file = sealed_memfd("test", "content");
  ASSERT_TRUE(file);
  EXPECT_EQ(::write(file->get(), "x", 1), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::ftruncate(file->get(), 0), -1);
  EXPECT_EQ(::fcntl(file->get(), F_ADD_SEALS, F_SEAL_WRITE), -1) << "not even its seals";
  EXPECT_EQ(::lseek(file->get(), 0, SEEK_CUR), 0);
  EXPECT_EQ(read_fd(file->get(), "memfd").value(), "content");
}

}  // namespace
}  // namespace shale::sys
