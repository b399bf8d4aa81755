// SPDX-License-Identifier: Apache-2.0
// Tests of what is decided about control groups: on texts, and on plain directories that look like groups.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "runtime/cgroup_place.h"
#include "runtime/cgroup_settings.h"
#include "runtime/step_cgroup.h"

namespace shale::runtime {
namespace {

using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;

const sys::MountTable kUnified = {
    {.target = "/sys/fs/cgroup", .root = "/", .type = "cgroup2", .options = "rw,nsdelegate"}};

TEST(CgroupPlace, OnAUnifiedHost) {
  const CgroupPlace place =
      cgroup_place(kUnified, "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope\n");
  EXPECT_EQ(place.mount, "/sys/fs/cgroup");
  EXPECT_EQ(place.own, "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope");
  EXPECT_FALSE(place.legacy);
  EXPECT_EQ(place.memory_v1, "");
}

TEST(CgroupPlace, InANamespaceOrAPartOfTheTree) {
  EXPECT_EQ(cgroup_place(kUnified, "0::/\n").own, "/sys/fs/cgroup");
  EXPECT_EQ(cgroup_place(kUnified, "0::/../other\n").own, "");
  const sys::MountTable part = {{.target = "/sys/fs/cgroup", .root = "/docker/abc", .type = "cgroup2"}};
  EXPECT_EQ(cgroup_place(part, "0::/docker/abc\n").own, "/sys/fs/cgroup");
  EXPECT_EQ(cgroup_place(part, "0::/docker/abc/init\n").own, "/sys/fs/cgroup/init");
  EXPECT_EQ(cgroup_place(part, "0::/docker/abcd\n").own, "") << "a sibling whose name begins alike";
  EXPECT_EQ(cgroup_place(part, "0::/user.slice\n").own, "");
}

TEST(CgroupPlace, WhereVersionOneHasTheControllers) {
  const sys::MountTable mounts = {
      {.target = "/sys/fs/cgroup/cpu", .root = "/", .type = "cgroup", .options = "rw,cpu,cpuacct"},
      {.target = "/sys/fs/cgroup/memory", .root = "/", .type = "cgroup", .options = "rw,memory"},
      {.target = "/sys/fs/cgroup/unified", .root = "/", .type = "cgroup2", .options = "rw"}};
  const CgroupPlace place = cgroup_place(mounts, "4:memory:/a/b\n2:cpu,cpuacct:/\n1:name=systemd:/\n0::/c\n");
  EXPECT_TRUE(place.legacy);
  EXPECT_EQ(place.own, "/sys/fs/cgroup/unified/c");
  EXPECT_EQ(place.memory_v1, "/sys/fs/cgroup/memory/a/b");
  EXPECT_FALSE(cgroup_place(mounts, "1:name=systemd:/\n0::/c\n").legacy) << "a hierarchy without controllers";
}

TEST(CgroupPlace, TextsMayBeAnything) {
  EXPECT_EQ(cgroup_place({}, "").mount, "");
  EXPECT_EQ(cgroup_place({}, "0\n::\n0:\n").mount, "");
}

std::vector<std::string> lines(const ResourceLimits& limits) {
  std::vector<std::string> out;
  for (const CgroupSetting& setting : cgroup_settings(limits))
    out.push_back(setting.file + " = " + setting.value + " for " +
                  (setting.option.empty() ? "us" : setting.option));
  return out;
}

TEST(CgroupSettings, AreDockersMeaningInVersionTwo) {
  EXPECT_THAT(lines({}), ElementsAre("pids.max = 16384 for us"));
  ResourceLimits limits;
  limits.memory = 64U << 20U;
  EXPECT_THAT(lines(limits),
              ElementsAre("memory.max = 67108864 for --memory", "memory.swap.max = 67108864 for --memory",
                          "pids.max = 16384 for us"));
  limits.memory_swap = 65 << 20;
  limits.pids = -1;
  EXPECT_THAT(lines(limits),
              ElementsAre("memory.max = 67108864 for --memory", "memory.swap.max = 1048576 for --memory-swap",
                          "pids.max = max for --pids-limit"));
  limits = {};
  limits.memory_swap = -1;
  limits.cpu_shares = 1024;
  limits.cpu_quota = 50000;
  limits.cpuset_cpus = "0-1";
  limits.cpuset_mems = "0";
  limits.pids = 7;
  EXPECT_THAT(lines(limits),
              ElementsAre("memory.swap.max = max for --memory-swap", "cpu.weight = 100 for --cpu-shares",
                          "cpu.max = 50000 100000 for --cpu-quota", "cpuset.cpus = 0-1 for --cpuset-cpus",
                          "cpuset.mems = 0 for --cpuset-mems", "pids.max = 7 for --pids-limit"));
  limits = {};
  limits.cpu_period = 2000;
  EXPECT_THAT(lines(limits), ElementsAre("cpu.max = max 2000 for --cpu-period", "pids.max = 16384 for us"));
}

TEST(CgroupSettings, SharesKeepTheirOrderAsWeights) {
  EXPECT_EQ(cpu_weight(2), 1U);
  EXPECT_EQ(cpu_weight(1024), 100U);
  EXPECT_EQ(cpu_weight(262144), 10000U);
  for (std::uint64_t shares = 2; shares < 262144; shares *= 2)
    EXPECT_LT(cpu_weight(shares), cpu_weight(shares * 2));
}

// A directory in which files stand for a group's.
class FakeGroups : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "shale-cgroup-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    top_ = name;
    place_.mount = top_;
    place_.own = make_group("own", "cpu memory pids");
  }
  void TearDown() override { std::filesystem::remove_all(top_); }

  std::string make_group(const std::string& name, const std::string& controllers,
                         const std::string& procs = "") {
    const std::string path = top_ + "/" + name;
    std::filesystem::create_directories(path);
    std::ofstream(path + "/cgroup.controllers") << controllers << '\n';
    std::ofstream(path + "/cgroup.subtree_control") << "";
    std::ofstream(path + "/cgroup.procs") << procs;
    std::ofstream(path + "/cgroup.type") << "domain\n";
    return path;
  }
  static std::string content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  // The problems, each with its hints.
  std::string problems(const ResourceLimits& limits) {
    const Result<StepCgroups> groups = StepCgroups::prepare(limits, place_, ::getpid(), "t");
    if (!groups) return "error: " + render(groups.error(), false);
    std::string out;
    for (const Error& problem : groups->problems()) out += render(problem, false);
    return out;
  }
  static ResourceLimits memory() {
    ResourceLimits limits;
    limits.memory = 64U << 20U;
    return limits;
  }

  std::string top_;
  CgroupPlace place_;
};

TEST_F(FakeGroups, ControllersThatAreWantedAreHandedOn) {
  ResourceLimits limits = memory();
  limits.cpu_shares = 512;
  EXPECT_EQ(problems(limits), "");
  EXPECT_EQ(content(place_.own + "/cgroup.subtree_control"), "+memory +pids +cpu");
}

TEST_F(FakeGroups, WithoutLimitsThereIsNothingToComplainAbout) {
  place_.legacy = true;
  EXPECT_EQ(problems({}), "");
  place_ = {};
  EXPECT_EQ(problems({}), "");
}

TEST_F(FakeGroups, EachCauseComesWithItsRemedy) {
  place_.legacy = true;
  EXPECT_THAT(problems(memory()), HasSubstr("--memory is not applied: this host's limits are on cgroup v1"));
  EXPECT_THAT(problems(memory()), HasSubstr("systemd.unified_cgroup_hierarchy=1"));
  place_.legacy = false;
  place_.systemd = place_.root = true;
  EXPECT_THAT(problems(memory()), HasSubstr("is not delegated to this user"));
  EXPECT_THAT(problems(memory()), HasSubstr("hint: systemd-run --scope -p Delegate=yes shale build …"));
  place_.delegated = true;
  EXPECT_EQ(problems(memory()), "");
  place_ = {};
  EXPECT_THAT(problems(memory()), HasSubstr("cgroup v2 is not mounted"));
  place_.mount = top_;
  EXPECT_THAT(problems(memory()), HasSubstr("outside of what is mounted"));
}

TEST_F(FakeGroups, AStrangerInTheGroupKeepsItFromBeingDivided) {
  place_.own = make_group("shared", "memory pids", "1\n");
  place_.systemd = true;
  EXPECT_THAT(problems(memory()), ContainsRegex("process 1 \\(.*\\) is in the same cgroup"));
  EXPECT_THAT(
      problems(memory()),
      HasSubstr("hint: a group with limits for commands may hold shale alone (in a script: exec shale "
                "build …): systemd-run --user --scope -p Delegate=yes shale build …"));
  EXPECT_EQ(content(place_.own + "/cgroup.subtree_control"), "");
}

TEST_F(FakeGroups, AMissingControllerIsNamedAndTheOthersAreUsed) {
  place_.systemd = true;
  ResourceLimits limits = memory();
  limits.cpuset_cpus = "0";
  EXPECT_THAT(problems(limits),
              HasSubstr("--cpuset-cpus is not applied: the controller cpuset is not among those"));
  EXPECT_THAT(problems(limits), HasSubstr("Delegate=cpu cpuset io memory pids"));
  EXPECT_EQ(content(place_.own + "/cgroup.subtree_control"), "+memory +pids");
}

TEST_F(FakeGroups, AnotherUsersGroupIsNotOurs) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write to every file";
  std::filesystem::permissions(place_.own,
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  EXPECT_THAT(problems(memory()), HasSubstr("is not delegated to this user"));
  std::filesystem::permissions(place_.own, std::filesystem::perms::owner_all);
}

TEST_F(FakeGroups, AParentIsNamedFromTheRootOrFromHere) {
  make_group("given", "memory pids");
  make_group("own/below", "memory pids");
  ResourceLimits limits = memory();
  limits.cgroup_parent = "/given";
  EXPECT_EQ(problems(limits), "");
  EXPECT_EQ(content(top_ + "/given/cgroup.subtree_control"), "+memory +pids");
  limits.cgroup_parent = "below/";
  EXPECT_EQ(problems(limits), "");
  EXPECT_EQ(content(top_ + "/own/below/cgroup.subtree_control"), "+memory +pids");
  limits.cgroup_parent = "/missing.slice";
  EXPECT_THAT(problems(limits), HasSubstr("error: --cgroup-parent /missing.slice: "));
}

TEST_F(FakeGroups, AContainersGroupBesideItsProcessesIsUsed) {
  place_.own = make_group("top/init", "memory pids", "1\n");
  const std::string above = make_group("top", "memory pids");
  EXPECT_THAT(problems(memory()), ContainsRegex("process 1 \\(.*\\) is in the same cgroup"));
  std::ofstream(above + "/cgroup.subtree_control") << "memory pids\n";
  EXPECT_EQ(problems(memory()), "");
  place_.systemd = true;
  EXPECT_THAT(problems(memory()), ContainsRegex("process 1 \\(.*\\) is in the same cgroup"))
      << "systemd's groups are systemd's";
}

TEST_F(FakeGroups, ForgottenGroupsGoAndLivingOnesStay) {
  std::filesystem::create_directory(place_.own + "/shale-dead-1");
  std::filesystem::create_directory(place_.own + "/shale-living-1");
  std::filesystem::create_directory(place_.own + "/other");
  const int lock = ::open((place_.own + "/shale-living-1").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(::flock(lock, LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(problems({}), "");
  EXPECT_FALSE(std::filesystem::exists(place_.own + "/shale-dead-1"));
  EXPECT_TRUE(std::filesystem::exists(place_.own + "/shale-living-1"));
  EXPECT_TRUE(std::filesystem::exists(place_.own + "/other"));
  ::close(lock);
}

TEST_F(FakeGroups, TheSmallestLimitAboveCounts) {
  const auto limit = [&](const std::string& group, const std::string& value) {
    std::ofstream(top_ + group + "/memory.max") << value << '\n';
  };
  EXPECT_EQ(memory_limit_above(top_, place_.own), 0U);
  limit("/own", "max");
  EXPECT_EQ(memory_limit_above(top_, place_.own), 0U);
  limit("", "4096");
  EXPECT_EQ(memory_limit_above(top_, place_.own), 4096U);
  limit("/own", "8192");
  EXPECT_EQ(memory_limit_above(top_, place_.own), 4096U);
}

TEST_F(FakeGroups, KillsAreReadWhereverTheKernelCountsThem) {
  const std::string v1 = top_ + "/v1";
  std::filesystem::create_directory(v1);
  std::ofstream(v1 + "/memory.oom_control") << "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n";
  std::ofstream(v1 + "/memory.limit_in_bytes") << "67108864\n";
  std::ofstream(place_.own + "/memory.events") << "low 0\noom 9\noom_kill 5\noom_group_kill 7\n";
  std::ofstream(place_.own + "/memory.max") << "1048576\n";
  EXPECT_EQ(count_oom_kills(place_).in_group, 5U);
  EXPECT_EQ(count_oom_kills(place_).group_limit, 1048576U);
  place_.memory_v1 = v1;
  EXPECT_EQ(count_oom_kills(place_).in_group, 3U);
  EXPECT_EQ(count_oom_kills(place_).group_limit, 67108864U);
  std::ofstream(v1 + "/memory.limit_in_bytes") << "9223372036854771712\n";
  EXPECT_EQ(count_oom_kills(place_).group_limit, 0U);
}

}  // namespace
}  // namespace shale::runtime
