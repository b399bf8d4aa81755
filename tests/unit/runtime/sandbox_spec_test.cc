// SPDX-License-Identifier: Apache-2.0
// Specs: what is refused before a process exists, and that each field survives the way to the runtime
// program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <functional>

#include "runtime/wire.h"

namespace shale::runtime {
namespace {

using ::testing::HasSubstr;

SandboxSpec full_spec() {
  SandboxSpec spec;
  spec.root_fd = 70;
  spec.mounts = {
      {.kind = SandboxMount::Kind::kBind,
       .target = "/a",
       .fd = 71,
       .recursive = true,
       .read_only = true,
       .nosuid = true},
      {.kind = SandboxMount::Kind::kTmpfs,
       .target = "/b",
       .size_bytes = 1ULL << 40,
       .mode = 01777,
       .nodev = true,
       .noexec = true},
      {.kind = SandboxMount::Kind::kFile,
       .target = "/c",
       .mode = 0400,
       .content = std::string("x\0y", 3),
       .uid = 5,
       .gid = 6},
      {.kind = SandboxMount::Kind::kBind, .target = "/d", .fd = 72, .detached = true},
  };
  spec.args = {"sh", "-c", ""};
  spec.env = {"A=b"};
  spec.cwd = "/w";
  spec.uid = 4294967294;
  spec.gid = 2;
  spec.groups = {3, 4};
  spec.hostname = "h";
  spec.network = SandboxNetwork::kJoin;
  spec.network_fd = 73;
  spec.capabilities = 1ULL << 40 | 1;
  spec.no_new_privs = true;
  spec.seccomp_programs = {"12345678", "1234567812345678"};
  spec.limits = {{7, 10, ~0ULL}};
  spec.shm_bytes = 99;
  spec.cgroup_fd = 75;
  spec.seccomp_required = true;
  spec.masked_paths = {"/proc/x"};
  spec.read_only_paths = {};
  spec.oom_score_adj = -1;
  spec.stdout_fd = 74;
  spec.stderr_fd = -1;
  return spec;
}

TEST(SpecEncoding, EveryFieldSurvives) {
  const SandboxSpec spec = full_spec();
  const EncodedSpec encoded = encode(spec);
  EXPECT_EQ(encoded.fds, (std::vector<int>{70, 71, 72, 73, 75, 74}));
  const auto decoded = decode(encoded.bytes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->root_fd, kFirstSpecFd);
  ASSERT_EQ(decoded->mounts.size(), 4U);
  EXPECT_EQ(decoded->mounts[0].fd, kFirstSpecFd + 1);
  EXPECT_EQ(decoded->mounts[1].fd, -1);
  EXPECT_EQ(decoded->mounts[3].fd, kFirstSpecFd + 2);
  EXPECT_EQ(decoded->mounts[2].content, spec.mounts[2].content);
  EXPECT_EQ(decoded->network_fd, kFirstSpecFd + 3);
  EXPECT_EQ(decoded->cgroup_fd, kFirstSpecFd + 4);
  EXPECT_EQ(decoded->stdout_fd, kFirstSpecFd + 5);
  EXPECT_EQ(decoded->stderr_fd, -1);
  EXPECT_EQ(decoded->oom_score_adj, -1);
  EXPECT_EQ(decoded->uid, spec.uid);
  // The rest by encoding it again: the same text but for the descriptors' numbers.
  SandboxSpec again = *decoded;
  again.root_fd = 70;
  EXPECT_EQ(encode(again).bytes, encoded.bytes);
}

TEST(SpecEncoding, DamagedTextIsRefused) {
  const std::string bytes = encode(full_spec()).bytes;
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(decode(bytes.substr(0, size))) << size;
  EXPECT_FALSE(decode(bytes + "x"));
  std::string other = bytes;
  other[0] ^= 1;
  EXPECT_FALSE(decode(other));
  // A length that would ask for all memory: that of the mounts, behind the magic number and four fields.
  std::string huge = bytes;
  std::memset(&huge[std::size_t{5} * 8], 0xff, 8);
  EXPECT_FALSE(decode(huge));
}

TEST(SpecEncoding, RecordsAreWrittenInOnePiece) { EXPECT_LE(sizeof(StatusRecord), std::size_t{4096}); }

SandboxSpec good_spec() {
  SandboxSpec spec;
  spec.root_fd = 0;
  spec.args = {"true"};
  return spec;
}

TEST(SpecValidation, DefaultsAreGood) { EXPECT_TRUE(validate(good_spec())); }

TEST(SpecValidation, MistakesAreFoundBeforeAProcessExists) {
  const std::vector<std::pair<const char*, std::function<void(SandboxSpec&)>>> cases = {
      {"no root", [](SandboxSpec& s) { s.root_fd = -1; }},
      {"command to run is empty", [](SandboxSpec& s) { s.args.clear(); }},
      {"command to run is empty", [](SandboxSpec& s) { s.args = {""}; }},
      {"NUL", [](SandboxSpec& s) { s.args.emplace_back("a\0b", 3); }},
      {"NAME=value", [](SandboxSpec& s) { s.env = {"A"}; }},
      {"NAME=value", [](SandboxSpec& s) { s.env = {"=A"}; }},
      {"not absolute", [](SandboxSpec& s) { s.cwd = "x"; }},
      {"host name", [](SandboxSpec& s) { s.hostname = std::string(65, 'h'); }},
      {"network descriptor", [](SandboxSpec& s) { s.network = SandboxNetwork::kJoin; }},
      {"network descriptor", [](SandboxSpec& s) { s.network_fd = 3; }},
      {"seccomp program", [](SandboxSpec& s) { s.seccomp_programs = {"1234567"}; }},
      {"resource limit", [](SandboxSpec& s) { s.limits = {{0, 2, 1}}; }},
      {"oom_score_adj", [](SandboxSpec& s) { s.oom_score_adj = 1001; }},
      {"below /proc or /sys", [](SandboxSpec& s) { s.masked_paths = {"/etc"}; }},
      {"below /proc or /sys", [](SandboxSpec& s) { s.read_only_paths = {"/process"}; }},
      {"hide the root",
       [](SandboxSpec& s) { s.mounts = {{.kind = SandboxMount::Kind::kTmpfs, .target = "//"}}; }},
      {"below /proc",
       [](SandboxSpec& s) { s.mounts = {{.kind = SandboxMount::Kind::kTmpfs, .target = "/proc/x"}}; }},
      {"no source", [](SandboxSpec& s) { s.mounts = {{.target = "/x"}}; }},
      {"recursive",
       [](SandboxSpec& s) { s.mounts = {{.target = "/x", .fd = 1, .detached = true, .recursive = true}}; }},
  };
  for (const auto& [text, spoil] : cases) {
    SandboxSpec spec = good_spec();
    spoil(spec);
    const Status status = validate(spec);
    ASSERT_FALSE(status) << text;
    EXPECT_THAT(status.error().message(), HasSubstr(text));
  }
}

StatusRecord exec_record(int errno_value, const char* operand) {
  StatusRecord record;
  record.kind = StatusRecord::Kind::kSetupFailed;
  record.step = SetupStep::kExec;
  record.errno_value = errno_value;
  std::strcpy(record.operand, operand);
  return record;
}

TEST(SetupError, CommandThatCannotRunHasTheShellsStatus) {
  EXPECT_EQ(setup_error(exec_record(ENOENT, "x"), "x").step_status(), 127);
  EXPECT_EQ(setup_error(exec_record(EACCES, "x"), "x").step_status(), 126);
  EXPECT_EQ(setup_error(exec_record(ENOEXEC, "/bin/x"), "x").kind(), ErrorKind::kStepFailed);
  EXPECT_EQ(setup_error(exec_record(ENOENT, "/bin/sh"), "/bin/sh").hints().size(), 1U);
}

TEST(SetupError, StepAndOperandAndErrnoAreKept) {
  StatusRecord record = exec_record(EPERM, "/dev/null");
  record.step = SetupStep::kDevice;
  const Error error = setup_error(record, "x");
  EXPECT_EQ(error.to_line(), "take the host's device '/dev/null' into the sandbox: Operation not permitted");
  EXPECT_EQ(error.kind(), ErrorKind::kPermission);
}

TEST(MaskedPaths, HaveWhatTheHostMountsOnSysfsButForCgroups) {
  const sys::MountTable mounts = {{.target = "/sys"},
                                  {.target = "/sys/kernel/security"},
                                  {.target = "/sys/fs/cgroup"},
                                  {.target = "/sys/fs/cgroup/memory"},
                                  {.target = "/sys/fs/cgroups"},
                                  {.target = "/proc/sys/fs/binfmt_misc"},
                                  {.target = "/sysroot/x"},
                                  {.target = "/sys/kernel/debug/tracing"}};
  EXPECT_EQ(mounts_on_sysfs(mounts), (std::vector<std::string>{"/sys/kernel/security", "/sys/fs/cgroups",
                                                               "/sys/kernel/debug/tracing"}));
}

}  // namespace
}  // namespace shale::runtime
