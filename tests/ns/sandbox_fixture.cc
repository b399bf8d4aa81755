// SPDX-License-Identifier: Apache-2.0
#include "sandbox_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>

#include "runtime/wire.h"
#include "support/overlay.h"
#include "sys/files.h"

namespace shale::test {

namespace {

std::string g_scratch;
int g_next_root = 0;

std::string own_fds() {
  const UniqueFd dir(::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::vector<std::string> names = sys::list_dir(dir.get()).value();
  std::string out;
  for (const std::string& name : names) out += name + " ";
  return out;
}

std::string own_mounts() { return sys::read_file(AT_FDCWD, "/proc/self/mountinfo").value(); }

}  // namespace

Status prepare_scratch(const std::string& scratch) {
  if (::mount("tmpfs", scratch.c_str(), "tmpfs", 0, "mode=0755") != 0)
    return fail_errno(errno, "mount the scratch tmpfs");
  g_scratch = scratch;
  const std::string root = scratch + "/busybox";
  for (const char* dir : {"bin", "proc", "dev", "sys", "etc", "tmp", "run", "mnt", "lib"})
    RETURN_IF_ERROR(sys::make_dir(AT_FDCWD, root + "/" + dir, 0755, true));
  if (::chmod((root + "/tmp").c_str(), 01777) != 0) return fail_errno(errno, "chmod the test's tmp");
  std::string busybox;
  for (const char* path : {"/bin/busybox", "/usr/bin/busybox", "/bin/busybox.static"})
    if (busybox.empty() && sys::exists_at(AT_FDCWD, path)) busybox = path;
  if (busybox.empty()) return fail(ErrorKind::kUnsupported, "busybox is not installed");
  ASSIGN_OR_RETURN(const std::string bytes, sys::read_file(AT_FDCWD, busybox));
  RETURN_IF_ERROR(sys::replace_file(AT_FDCWD, root + "/bin/busybox", bytes, 0755));
  for (const char* applet :
       {"sh",       "true",  "cat",  "ls",     "id",    "env",   "sleep", "grep",   "hostname", "pwd",
        "ps",       "stat",  "kill", "setsid", "touch", "ip",    "umask", "tty",    "mount",    "dd",
        "readlink", "chown", "su",   "wc",     "mknod", "mkdir", "mv",    "unshare"})
    if (::symlink("busybox", (root + "/bin/" + applet).c_str()) != 0)
      return fail_errno(errno, "link an applet");
  RETURN_IF_ERROR(sys::replace_file(AT_FDCWD, root + "/etc/hosts", "image hosts\n", 0644));
  RETURN_IF_ERROR(sys::replace_file(AT_FDCWD, root + "/etc/passwd",
                                    "root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n", 0644));
  RETURN_IF_ERROR(sys::replace_file(AT_FDCWD, root + "/run/secret", "", 0644));
  RETURN_IF_ERROR(sys::replace_file(AT_FDCWD, root + "/bin/broken", "#!/no/such/interpreter\n", 0755));
  RETURN_IF_ERROR(sys::replace_file(AT_FDCWD, root + "/bin/unknown", "just text\n", 0755));
  return sys::replace_file(AT_FDCWD, root + "/bin/plain", "#!/bin/sh\n", 0644);
}

runtime::Launcher& SandboxTest::launcher() {
  static std::map<pid_t, runtime::Launcher> launchers;
  const auto found = launchers.find(::getpid());
  if (found != launchers.end()) return found->second;
  auto made = runtime::Launcher::create(SHALE_TEST_RUNTIME);
  if (!made) throw std::runtime_error(made.error().to_line());
  return launchers.emplace(::getpid(), std::move(*made)).first->second;
}

void SandboxTest::SetUp() {
  (void)launcher();  // its descriptor is no leak of the test
  mounts_before_ = own_mounts();
  fds_before_ = own_fds();
  const std::string top = g_scratch + "/root-" + std::to_string(++g_next_root);
  dirs_ = {.lower = g_scratch + "/busybox", .upper = top + "/upper", .work = top + "/work"};
  ASSERT_TRUE(sys::make_dir(AT_FDCWD, dirs_.upper, 0755, true));
  ASSERT_TRUE(sys::make_dir(AT_FDCWD, dirs_.work, 0755, true));
}

void SandboxTest::TearDown() {
  root_.reset();
  EXPECT_EQ(own_mounts(), mounts_before_) << "a mount was left behind";
  EXPECT_EQ(own_fds(), fds_before_) << "a descriptor was left open";
}

runtime::SandboxSpec SandboxTest::command(std::vector<std::string> args) {
  // A work directory that was mounted volatile once is refused a second time.
  const std::string work = dirs_.work + "/" + std::to_string(++g_next_root);
  EXPECT_TRUE(sys::make_dir(AT_FDCWD, work, 0755));
  auto root = mount_overlay(dirs_.lower, dirs_.upper, work);
  EXPECT_TRUE(root) << root.error().to_line();
  if (root) root_ = std::move(*root);
  runtime::SandboxSpec spec;
  spec.root_fd = root_.get();
  spec.args = std::move(args);
  spec.env = {"PATH=/bin"};
  return spec;
}

runtime::SandboxSpec SandboxTest::shell(const std::string& script) { return command({"sh", "-c", script}); }

RunResult SandboxTest::run(runtime::SandboxSpec spec) {
  RunResult result;
  auto pipe = sys::make_pipe();
  spec.stdout_fd = spec.stderr_fd = pipe->second.get();
  auto sandbox = launcher().start(spec);
  if (!sandbox) {
    ADD_FAILURE() << render(sandbox.error(), false);
    return result;
  }
  pipe->second.reset();
  root_.reset();
  // Reads to the end of the pipe, which comes only when no process of the sandbox is left.
  result.out = sys::read_fd(pipe->first.get(), "output").value();
  auto outcome = sandbox->finish();
  if (!outcome)
    ADD_FAILURE() << render(outcome.error(), false);
  else
    result.outcome = std::move(*outcome);
  return result;
}

std::map<std::string, std::string> SandboxTest::fields(const std::string& text) {
  std::map<std::string, std::string> out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (const std::size_t colon = line.find(':'); colon != std::string::npos) {
      const std::size_t value = line.find_first_not_of(" \t", colon + 1);
      out[line.substr(0, colon)] = value == std::string::npos ? "" : line.substr(value);
    }
    at = end + 1;
  }
  return out;
}

int die_as_monitor() {
  const runtime::StatusRecord record;
  (void)!::write(runtime::kStatusFd, &record, sizeof record);
  (void)::kill(::getpid(), SIGKILL);
  std::abort();
}

}  // namespace shale::test
