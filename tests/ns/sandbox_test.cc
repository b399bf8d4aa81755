// SPDX-License-Identifier: Apache-2.0
// What a command in a sandbox sees, may do, and leaves behind.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <set>
#include <thread>

#include "sandbox_fixture.h"
#include "sys/files.h"
#include "sys/process.h"

namespace shale::test {
namespace {

using runtime::SandboxMount;
using runtime::SandboxNetwork;
using runtime::SandboxOutcome;
using runtime::SandboxSpec;

TEST_F(SandboxTest, CommandRunsAndExits) {
  const RunResult result = run(shell("echo hello; exit 7"));
  EXPECT_EQ(result.out, "hello\n");
  EXPECT_EQ(result.outcome.kind, SandboxOutcome::Kind::kExited);
  EXPECT_EQ(result.outcome.code, 7);
  EXPECT_GT(result.outcome.wall_time.count(), 0);
}

TEST_F(SandboxTest, SignalIsReported) {
  const RunResult result = run(shell("kill -SEGV $$"));
  EXPECT_EQ(result.outcome.kind, SandboxOutcome::Kind::kSignalled);
  EXPECT_EQ(result.outcome.signal, SIGSEGV);
}

TEST_F(SandboxTest, OnlyInitAndTheCommandExist) {
  const RunResult result = run(shell("echo $$; echo /proc/[0-9]*"));
  EXPECT_EQ(result.out, "2\n/proc/1 /proc/2\n");
}

TEST_F(SandboxTest, RootHasDockersCapabilitiesAndNoMore) {
  auto status = fields(run(shell("cat /proc/self/status")).out);
  EXPECT_EQ(status["CapBnd"], "00000000a80425fb");
  EXPECT_EQ(status["CapPrm"], "00000000a80425fb");
  EXPECT_EQ(status["CapEff"], "00000000a80425fb");
  EXPECT_EQ(status["CapInh"], "0000000000000000");
  EXPECT_EQ(status["CapAmb"], "0000000000000000");
}

TEST_F(SandboxTest, OtherUsersHaveNoCapabilities) {
  SandboxSpec spec = shell("cat /proc/self/status");
  spec.uid = 1000;
  spec.gid = 1001;
  spec.groups = {7, 8};
  auto status = fields(run(spec).out);
  EXPECT_EQ(status["Uid"], "1000\t1000\t1000\t1000");
  EXPECT_EQ(status["Gid"], "1001\t1001\t1001\t1001");
  EXPECT_EQ(status["Groups"], "7 8 ");
  EXPECT_EQ(status["CapEff"], "0000000000000000");
  EXPECT_EQ(status["CapPrm"], "0000000000000000");
  EXPECT_EQ(status["CapBnd"], "00000000a80425fb");
  EXPECT_EQ(status["NoNewPrivs"], "0");
}

TEST_F(SandboxTest, HasNoDescriptorButTheStandardThree) {
  const UniqueFd leak(::open("/", O_RDONLY | O_DIRECTORY));  // inheritable on purpose
  const RunResult result = run(command({"ls", "/proc/self/fd"}));
  EXPECT_EQ(result.out, "0\n1\n2\n3\n") << "3 is the directory that ls reads";
}

TEST_F(SandboxTest, StandardInputIsDevNullAndThereIsNoTerminal) {
  EXPECT_EQ(run(shell("readlink /proc/self/fd/0; tty; cat < /dev/tty")).out.substr(0, 20),
            "/dev/null\nnot a tty\n");
}

TEST_F(SandboxTest, EnvironmentIsExactlyAsGiven) {
  SandboxSpec spec = command({"env"});
  spec.env = {"PATH=/bin", "A=1 2", "EMPTY="};
  EXPECT_EQ(run(spec).out, "PATH=/bin\nA=1 2\nEMPTY=\n");
}

TEST_F(SandboxTest, BuildersEnvironmentCannotBeRead) {
  ::setenv("SHALE_TEST_CANARY", "canary-value", 1);
  const RunResult result = run(shell("cat /proc/*/environ /proc/*/cmdline"));
  EXPECT_EQ(result.out.find("canary-value"), std::string::npos) << result.out;
}

TEST_F(SandboxTest, WorkingDirectoryAndUmask) {
  SandboxSpec spec = shell("pwd; umask");
  spec.cwd = "/etc";
  EXPECT_EQ(run(spec).out, "/etc\n0022\n");
}

TEST_F(SandboxTest, WorkingDirectoryThroughALeakedDescriptorIsRefused) {
  SandboxSpec spec = shell("pwd");
  spec.cwd = "/proc/self/fd/5";
  const RunResult result = run(spec);
  ASSERT_EQ(result.outcome.kind, SandboxOutcome::Kind::kSetupFailed);
  EXPECT_EQ(result.outcome.error->message(), "change to the working directory '/proc/self/fd/5'");
}

TEST_F(SandboxTest, LeftoverProcessesDieWithTheCommand) {
  // run() reads to the end of the pipe that the leftovers hold, so a survivor would hang it for an hour.
  const RunResult result = run(shell("(trap '' TERM; sleep 3600) & setsid sleep 3600 & echo started"));
  EXPECT_EQ(result.out, "started\n");
  EXPECT_TRUE(result.outcome.ok());
}

TEST_F(SandboxTest, KillEndsEverythingAtOnce) {
  SandboxSpec spec = shell("setsid sleep 3600 & sleep 3600");
  auto pipe = sys::make_pipe();
  spec.stdout_fd = pipe->second.get();
  auto sandbox = launcher().start(spec);
  ASSERT_TRUE(sandbox);
  pipe->second.reset();
  sandbox->kill();
  auto outcome = sandbox->finish();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->kind, SandboxOutcome::Kind::kKilled);
  char byte = 0;
  EXPECT_EQ(::read(pipe->first.get(), &byte, 1), 0) << "a process of the sandbox still holds its output";
}

TEST_F(SandboxTest, NothingSurvivesTheBuildersDeath) {
  SandboxSpec spec = shell("echo up; setsid sleep 3600 & sleep 3600");
  auto pipe = sys::make_pipe();
  spec.stdout_fd = pipe->second.get();
  const pid_t builder = ::fork();
  if (builder == 0) {
    auto sandbox = launcher().start(spec);
    ::pause();
    ::_exit(sandbox ? 0 : 1);
  }
  pipe->second.reset();
  char text[3];
  ASSERT_EQ(::read(pipe->first.get(), text, sizeof text), 3);
  ASSERT_EQ(::kill(builder, SIGKILL), 0);
  ASSERT_EQ(::waitpid(builder, nullptr, 0), builder);
  // The pipe ends when its last writer is gone; survivors would hold it for an hour.
  struct pollfd end{.fd = pipe->first.get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&end, 1, 10000), 1) << "a process of the sandbox is still there";
  EXPECT_EQ(::read(pipe->first.get(), text, sizeof text), 0);
}

TEST_F(SandboxTest, MissingProgramIsNamed) {
  const RunResult result = run(command({"frobnicate"}));
  ASSERT_EQ(result.outcome.kind, SandboxOutcome::Kind::kSetupFailed);
  EXPECT_EQ(result.outcome.error->to_line(), "exec: \"frobnicate\": executable file not found in $PATH");
  EXPECT_EQ(result.outcome.error->kind(), ErrorKind::kStepFailed);
  EXPECT_EQ(result.outcome.code, 127);
}

TEST_F(SandboxTest, ProgramsThatCannotRunSayWhy) {
  const auto message = [&](const std::string& program) {
    const RunResult result = run(command({program}));
    return result.outcome.error ? result.outcome.error->to_line() : "it ran";
  };
  EXPECT_EQ(message("/no/such"), "exec: \"/no/such\": no such file or directory");
  EXPECT_EQ(message("broken"), "exec: \"/bin/broken\": its interpreter is missing");
  EXPECT_EQ(message("/bin/unknown"), "exec: \"/bin/unknown\": exec format error");
  EXPECT_EQ(message("plain"), "exec: \"plain\": permission denied");
}

TEST_F(SandboxTest, HostnameIsTheSpecs) {
  SandboxSpec spec = command({"hostname"});
  spec.hostname = "sandboxed";
  EXPECT_EQ(run(spec).out, "sandboxed\n");
}

TEST_F(SandboxTest, NoNetworkMeansLoopbackOnlyAndUp) {
  SandboxSpec spec = shell("ls /sys/class/net; ip -o link | grep -c UP");
  spec.network = SandboxNetwork::kNone;
  EXPECT_EQ(run(spec).out, "lo\n1\n");
}

TEST_F(SandboxTest, InitsProgramCannotBeReachedOrWritten) {
  const RunResult result =
      run(shell("readlink /proc/1/exe || echo hidden; echo x 2>/dev/null > /proc/1/exe || echo refused"));
  EXPECT_NE(result.out.find("hidden"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("refused"), std::string::npos) << result.out;
}

TEST_F(SandboxTest, DevicesWorkAndAreTheKernels) {
  const RunResult result =
      run(shell("echo x > /dev/null && dd if=/dev/zero bs=3 count=1 2>/dev/null | wc -c; stat -c '%t:%T' "
                "/dev/null /dev/urandom; "
                "ls /dev; stat -f -c %T /dev/shm; readlink /dev/ptmx"));
  EXPECT_EQ(result.out,
            "3\n1:3\n1:"
            "9\nfd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n"
            "tmpfs\npts/ptmx\n");
}

TEST_F(SandboxTest, KernelFilesAreMaskedOrReadOnly) {
  const RunResult result =
      run(shell("wc -c < /proc/interrupts; wc -c < /proc/keys; ls /sys/firmware | wc -l; "
                "echo 1 2>/dev/null > /proc/sys/kernel/panic || echo ro1; echo h 2>/dev/null > "
                "/proc/sysrq-trigger || echo ro2; "
                "touch /sys/x 2>/dev/null || echo ro3"));
  EXPECT_EQ(result.out, "0\n0\n0\nro1\nro2\nro3\n");
}

TEST_F(SandboxTest, MountingIsForbidden) {
  const RunResult result = run(shell("mount -t tmpfs t /mnt && echo mounted"));
  EXPECT_EQ(result.out.find("mounted"), std::string::npos);
  EXPECT_NE(result.outcome.code, 0);
}

TEST_F(SandboxTest, ReadOnlyBindCannotBeWritten) {
  const std::string source = dirs_.work + "/../source";
  ASSERT_TRUE(sys::make_dir(AT_FDCWD, source, 0777));
  ASSERT_TRUE(sys::replace_file(AT_FDCWD, source + "/file", "bound\n", 0666));
  const UniqueFd fd(::open(source.c_str(), O_PATH | O_CLOEXEC));
  SandboxSpec spec = shell("cat /mnt/file; echo x 2>/dev/null > /mnt/file || echo refused");
  spec.mounts.push_back(
      {.kind = SandboxMount::Kind::kBind, .target = "/mnt", .fd = fd.get(), .read_only = true});
  EXPECT_EQ(run(spec).out, "bound\nrefused\n");
}

TEST_F(SandboxTest, WritableBindReachesItsSource) {
  const std::string source = dirs_.work + "/../source";
  ASSERT_TRUE(sys::make_dir(AT_FDCWD, source, 0777));
  const UniqueFd fd(::open(source.c_str(), O_PATH | O_CLOEXEC));
  SandboxSpec spec = shell("echo written > /mnt/file");
  spec.mounts.push_back({.kind = SandboxMount::Kind::kBind, .target = "/mnt", .fd = fd.get()});
  EXPECT_TRUE(run(spec).outcome.ok());
  EXPECT_EQ(sys::read_file(AT_FDCWD, source + "/file").value_or(""), "written\n");
  EXPECT_FALSE(sys::exists_at(AT_FDCWD, dirs_.upper + "/mnt/file"));
}

TEST_F(SandboxTest, SecretIsAFileOfItsModeAndNeverReachesTheUpperDirectory) {
  SandboxSpec spec = shell(
      "cat /run/secret; stat -c '%a %u:%g' /run/secret; echo x 2>/dev/null > /run/secret || echo refused");
  spec.mounts.push_back({.kind = SandboxMount::Kind::kFile,
                         .target = "/run/secret",
                         .mode = 0400,
                         .content = "s3cret\n",
                         .uid = 3,
                         .gid = 4});
  EXPECT_EQ(run(spec).out, "s3cret\n400 3:4\nrefused\n");
  EXPECT_FALSE(sys::exists_at(AT_FDCWD, dirs_.upper + "/run"));
}

// A path that goes up into "/" meets whatever is mounted on it: nothing may be.
TEST_F(SandboxTest, NothingIsMountedOnTheRoot) {
  const char* script =
      "[ \"$(stat -c %d:%i /)\" = \"$(stat -c %d:%i /dev/..)\" ] && echo same; "
      "grep -c ' / / ' /proc/self/mountinfo";
  EXPECT_EQ(run(shell(script)).out, "same\n1\n");
  SandboxSpec with_file = shell(script);
  with_file.mounts.push_back(
      {.kind = SandboxMount::Kind::kFile, .target = "/run/secret", .mode = 0400, .content = "x"});
  EXPECT_EQ(run(with_file).out, "same\n1\n");
}

TEST_F(SandboxTest, TmpfsIsEmptyAndGone) {
  SandboxSpec spec = shell("ls /mnt; stat -c %a /mnt; touch /mnt/x");
  spec.mounts.push_back(
      {.kind = SandboxMount::Kind::kTmpfs, .target = "/mnt", .size_bytes = 1 << 20, .mode = 01777});
  EXPECT_EQ(run(spec).out, "1777\n");
  EXPECT_FALSE(sys::exists_at(AT_FDCWD, dirs_.upper + "/mnt"));
}

TEST_F(SandboxTest, MissingMountTargetIsAnError) {
  SandboxSpec spec = command({"true"});
  spec.mounts.push_back({.kind = SandboxMount::Kind::kTmpfs, .target = "/no/such/dir"});
  const RunResult result = run(spec);
  ASSERT_EQ(result.outcome.kind, SandboxOutcome::Kind::kSetupFailed);
  EXPECT_EQ(result.outcome.error->message(), "find the mount point '/no/such/dir' in the image");
  EXPECT_EQ(result.outcome.error->errno_value(), ENOENT);
}

TEST_F(SandboxTest, MountTargetLinkStaysInsideTheRoot) {
  ASSERT_EQ(::symlink("/../../../../etc", (dirs_.upper + "/trap").c_str()), 0);
  SandboxSpec spec = shell("cat /etc/hosts");
  spec.mounts.push_back(
      {.kind = SandboxMount::Kind::kFile, .target = "/trap/hosts", .mode = 0644, .content = "ours\n"});
  EXPECT_EQ(run(spec).out, "ours\n");
}

TEST_F(SandboxTest, MountTargetLinkIntoProcIsRefused) {
  ASSERT_EQ(::symlink("/proc/sys", (dirs_.upper + "/trap").c_str()), 0);
  SandboxSpec spec = command({"true"});
  spec.mounts.push_back({.kind = SandboxMount::Kind::kTmpfs, .target = "/trap"});
  const RunResult result = run(spec);
  ASSERT_EQ(result.outcome.kind, SandboxOutcome::Kind::kSetupFailed);
  EXPECT_EQ(result.outcome.error->errno_value(), ELOOP);
}

TEST_F(SandboxTest, ImageWhoseProcOrDevIsALinkIsRefused) {
  for (const char* name : {"proc", "dev", "sys"}) {
    ASSERT_EQ(::mknod((dirs_.upper + "/" + name).c_str(), S_IFCHR, 0), 0);  // hides the lower directory
    ASSERT_EQ(::unlink((dirs_.upper + "/" + name).c_str()), 0);
    ASSERT_EQ(::symlink("/tmp", (dirs_.upper + "/" + name).c_str()), 0);
    const RunResult result = run(command({"true"}));
    ASSERT_EQ(result.outcome.kind, SandboxOutcome::Kind::kSetupFailed) << name;
    EXPECT_NE(result.outcome.error->message().find(name), std::string::npos);
    ASSERT_EQ(::unlink((dirs_.upper + "/" + name).c_str()), 0);
  }
}

TEST_F(SandboxTest, WritesLandInTheUpperDirectory) {
  EXPECT_TRUE(run(shell("echo made > /made && chown 12:34 /made")).outcome.ok());
  struct stat found;
  ASSERT_EQ(::stat((dirs_.upper + "/made").c_str(), &found), 0);
  EXPECT_EQ(found.st_uid, 12U);
  EXPECT_EQ(found.st_gid, 34U);
}

TEST_F(SandboxTest, OtherUserMayReopenItsOutput) {
  SandboxSpec spec = shell("echo reopened > /dev/stdout");
  spec.uid = spec.gid = 1000;
  EXPECT_EQ(run(spec).out, "reopened\n");
}

TEST_F(SandboxTest, LimitsAndOomScoreAreSet) {
  SandboxSpec spec = shell("ulimit -n; cat /proc/self/oom_score_adj");
  spec.limits = {{.resource = RLIMIT_NOFILE, .soft = 100, .hard = 200}};
  EXPECT_EQ(run(spec).out, "100\n500\n");
}

// Of two that use as much memory, the kernel is to kill the command.
TEST_F(SandboxTest, OomScoreOfPid1IsNotTheCommands) {
  const std::string ours = sys::read_file(AT_FDCWD, "/proc/self/oom_score_adj").value();
  ASSERT_NE(ours, "500\n");
  EXPECT_EQ(run(shell("cat /proc/self/oom_score_adj /proc/1/oom_score_adj")).out, "500\n" + ours);
}

TEST_F(SandboxTest, SandboxesRunAtTheSameTimeFromAThreadedProgram) {
  std::thread idle([] { ::usleep(200000); });
  std::vector<runtime::RunningSandbox> running;
  for (int i = 0; i < 4; ++i) {
    dirs_.upper += "x";
    ASSERT_TRUE(sys::make_dir(AT_FDCWD, dirs_.upper, 0755));
    auto sandbox = launcher().start(command({"true"}));
    ASSERT_TRUE(sandbox) << sandbox.error().to_line();
    running.push_back(std::move(*sandbox));
  }
  for (auto& sandbox : running) {
    auto outcome = sandbox.finish();
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(outcome->ok());
  }
  idle.join();
}

std::set<pid_t> children() {
  std::set<pid_t> out;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    const auto status = sys::read_file(AT_FDCWD, entry.path().string() + "/status");
    if (pid > 0 && status && status->find(fmt::format("\nPPid:\t{}\n", ::getpid())) != std::string::npos)
      out.insert(pid);
  }
  return out;
}

TEST_F(SandboxTest, AServerOfMonitorsThatIsKilledIsStartedAgain) {
  const std::set<pid_t> before = children();
  auto launcher = runtime::Launcher::create(SHALE_TEST_RUNTIME);
  ASSERT_TRUE(launcher);
  std::set<pid_t> server = children();
  for (const pid_t pid : before) server.erase(pid);
  ASSERT_EQ(server.size(), 1U);
  ASSERT_EQ(::kill(*server.begin(), SIGKILL), 0);
  auto sandbox = launcher->start(command({"true"}));
  ASSERT_TRUE(sandbox) << sandbox.error().to_line();
  EXPECT_TRUE(sandbox->finish()->ok());
}

TEST_F(SandboxTest, MoreDescriptorsThanOneMessageHoldsReachTheSandbox) {
  SandboxSpec spec = command({"cat", "/mnt/etc/hosts"});
  const auto directory = sys::open_at(AT_FDCWD, dirs_.lower, O_PATH | O_DIRECTORY);
  ASSERT_TRUE(directory);
  for (int i = 0; i < 300; ++i)
    spec.mounts.push_back({.kind = SandboxMount::Kind::kBind, .target = "/mnt", .fd = directory->get()});
  EXPECT_EQ(run(spec).out, "image hosts\n");
}

TEST_F(SandboxTest, AMonitorThatIsKilledAfterTheCommandHasNoResult) {
  auto launcher = runtime::Launcher::create("/proc/self/exe");  // see die_as_monitor()
  ASSERT_TRUE(launcher);
  auto sandbox = launcher->start(command({"/bin/true"}));
  ASSERT_TRUE(sandbox);
  const auto outcome = sandbox->finish();
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->ok());
  EXPECT_EQ(outcome->kind, runtime::SandboxOutcome::Kind::kKilled);
}

}  // namespace
}  // namespace shale::test
