// SPDX-License-Identifier: Apache-2.0
#include "build/run_outcome.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>

#include <csignal>

#include "base/unique_fd.h"

namespace shale::build {
namespace {

using testing::HasSubstr;
using testing::Not;
using Kind = runtime::SandboxOutcome::Kind;

runtime::SandboxOutcome exited(int code) {
  runtime::SandboxOutcome outcome;
  outcome.code = code;
  return outcome;
}

runtime::SandboxOutcome signalled(int signal) {
  runtime::SandboxOutcome outcome;
  outcome.kind = Kind::kSignalled;
  outcome.signal = signal;
  return outcome;
}

RunCircumstances plain() {
  RunCircumstances run;
  run.args = {"make", "all"};
  return run;
}

std::string text_of(const runtime::SandboxOutcome& outcome, const RunCircumstances& run,
                    const BuildRequest& request = {}) {
  return render(run_error(outcome, run, request), false);
}

TEST(RunError, SaysHowItEndedWithTheStatusOfAShell) {
  EXPECT_THAT(text_of(exited(3), plain()),
              HasSubstr("process \"make all\" did not complete successfully: exit code: 3"));
  EXPECT_EQ(run_error(signalled(SIGSEGV), plain(), {}).step_status(), 139);
  EXPECT_THAT(text_of(signalled(SIGSEGV), plain()), HasSubstr("signal 11"));
  EXPECT_THAT(text_of(signalled(SIGSEGV), plain()), Not(HasSubstr("memory")));
}

TEST(RunError, PortsOfTheHostAreExplained) {
  RunCircumstances run = plain();
  run.output = "nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)\n";
  EXPECT_THAT(text_of(exited(1), run), HasSubstr("ports below 1024 are not for a build"));
  run.output = "LOG:  could not bind IPv4 address \"127.0.0.1\": Address already in use\n";
  EXPECT_THAT(text_of(exited(1), run), HasSubstr("something else has that port"));
  run.own_network = true;
  EXPECT_THAT(text_of(exited(1), run), Not(HasSubstr("network")));
  run.own_network = false;
  run.output = "node-gyp: bindings.gyp: Permission denied\nlistening to bind events\n";
  EXPECT_THAT(text_of(exited(1), run), Not(HasSubstr("network")));
}

TEST(RunError, ADiskThatWasFullIsNamed) {
  RunCircumstances run = plain();
  const UniqueFd store(::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  run.store_fd = store.get();
  run.output = "write: No space left on device\n";
  EXPECT_THAT(text_of(exited(1), run), HasSubstr("are free on the store's file system"));
  run.output = "write: Input/output error\n";
  EXPECT_THAT(text_of(exited(1), run), Not(HasSubstr("hint")));
}

TEST(RunError, OwnLimitOfMemoryIsNamed) {
  BuildRequest request;
  request.limits.memory = 64U << 20U;
  RunCircumstances run = plain();
  run.events = runtime::CgroupEvents{.oom_kills = 2, .own_limit = true};
  const std::string text = text_of(exited(2), run, request);
  EXPECT_THAT(text,
              HasSubstr("out of memory: the kernel killed 2 of its processes at the memory limit of 64 MiB"));
  EXPECT_THAT(text, HasSubstr("give it more with --memory"));
}

TEST(RunError, ALimitAboveOrTheMachineIsNamed) {
  RunCircumstances run = plain();
  run.events = runtime::CgroupEvents{.oom_kills = 1, .own_limit = false};
  EXPECT_THAT(text_of(signalled(SIGKILL), run),
              HasSubstr("killed one of its processes, because the machine's memory"));
  run.limit_above = 3U << 29U;
  const std::string text = text_of(signalled(SIGKILL), run);
  EXPECT_THAT(text, HasSubstr("at the memory limit of 1.5 GiB that this build is under"));
  EXPECT_THAT(text, Not(HasSubstr("give it more with --memory")));
}

TEST(RunError, ASandboxThatIsKilledForLackOfMemoryIsNotKilledFromOutside) {
  runtime::SandboxOutcome outcome;
  outcome.kind = Kind::kKilled;
  RunCircumstances run = plain();
  run.events = runtime::CgroupEvents{};
  EXPECT_THAT(text_of(outcome, run), HasSubstr("successfully: it was killed from outside"));
  run.events->oom_kills = 1;
  EXPECT_THAT(text_of(outcome, run), HasSubstr("successfully: it was killed: out of memory: the kernel"));
}

TEST(RunOutcome, OnlyFilesInMemoryCallForTheDisk) {
  ResourceLimits limits;
  limits.memory = 64U << 20U;
  RunCircumstances run = plain();
  EXPECT_FALSE(files_used_up_memory(run, limits)) << "nothing is known";
  run.events = runtime::CgroupEvents{.own_limit = true, .memory_files = 60U << 20U};
  EXPECT_FALSE(files_used_up_memory(run, limits)) << "nothing was killed";
  run.events->oom_kills = 1;
  EXPECT_TRUE(files_used_up_memory(run, limits));
  run.events->memory_files = 1U << 20U;
  EXPECT_FALSE(files_used_up_memory(run, limits)) << "the command itself used it";
  run.events = runtime::CgroupEvents{.oom_kills = 1, .own_limit = false, .memory_files = 60U << 20U};
  EXPECT_FALSE(files_used_up_memory(run, limits)) << "the machine had no more";
  run.limit_above = 96U << 20U;
  EXPECT_TRUE(files_used_up_memory(run, limits)) << "the limit of the container around it";
}

TEST(RunError, WithAGroupOfItsOwnASilentKernelIsBelieved) {
  RunCircumstances run = plain();
  run.events = runtime::CgroupEvents{};
  EXPECT_THAT(text_of(exited(137), run), Not(HasSubstr("memory")));
}

TEST(RunError, WithoutAGroupTheKernelsCountsAreAskedForKilledCommands) {
  RunCircumstances run = plain();
  EXPECT_THAT(text_of(exited(137), run),
              HasSubstr("SIGKILL, and not from Shale: the kernel sends that when memory"));
  run.kills_before = {.in_group = 1, .group_limit = 0, .on_machine = 5, .counted = true};
  run.kills_after = run.kills_before;
  EXPECT_THAT(text_of(exited(137), run), HasSubstr("counts nothing that it killed for lack of memory"));
  EXPECT_THAT(text_of(exited(1), run), Not(HasSubstr("memory")));
  run.kills_after.on_machine = 6;
  EXPECT_THAT(text_of(exited(137), run),
              HasSubstr("out of memory: meanwhile the kernel killed a process on this machine"));
  EXPECT_THAT(text_of(exited(1), run), Not(HasSubstr("memory"))) << "it may have been anybody's";
  run.kills_after.in_group = 2;
  run.kills_after.group_limit = 512U << 20U;
  EXPECT_THAT(text_of(signalled(SIGKILL), run),
              HasSubstr("at the memory limit of 512 MiB that this build is under"));
}

TEST(RunError, RefusedProcessesNameTheirLimit) {
  RunCircumstances run = plain();
  run.events = runtime::CgroupEvents{.refused_forks = 9};
  EXPECT_THAT(text_of(exited(2), run),
              HasSubstr("reached its limit of processes, and 9 could not be made: see --pids-limit"));
}

TEST(RunError, AProfileOfTheUsersIsUnderSuspicion) {
  BuildRequest request;
  EXPECT_THAT(text_of(signalled(SIGSYS), plain()), HasSubstr("SIGSYS comes from a seccomp filter"));
  request.security.seccomp = SecurityOptions::Seccomp::kFile;
  request.security.seccomp_file = "p.json";
  EXPECT_THAT(text_of(signalled(SIGSYS), plain(), request), HasSubstr("the profile 'p.json'"));
  EXPECT_THAT(text_of(exited(1), plain(), request), Not(HasSubstr("p.json")));
  runtime::SandboxOutcome outcome;
  outcome.kind = Kind::kSetupFailed;
  outcome.error = Error::system(EPERM, "become user 0");
  EXPECT_THAT(text_of(outcome, plain(), request), HasSubstr("the profile 'p.json'"));
  EXPECT_EQ(run_error(outcome, plain(), request).kind(), ErrorKind::kPermission);
}

}  // namespace
}  // namespace shale::build
