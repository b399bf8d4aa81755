// SPDX-License-Identifier: Apache-2.0
// The build's namespace as its body sees it, and the probe. These fork from the machine's namespaces, not
// from within a build's.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "runtime/probe.h"
#include "runtime/userns.h"
#include "sys/files.h"

namespace shale::runtime {
namespace {

TEST(BuildNamespace, BodyIsRootWithItsMapAndItsOwnMounts) {
  const auto maps = plan_id_maps();
  ASSERT_TRUE(maps);
  auto build = enter_build_namespace(*maps, [&](UniqueFd) {
    const auto own = read_own_maps();
    int death_signal = 0;
    ::prctl(PR_GET_PDEATHSIG, &death_signal);
    if (::getuid() != 0 || ::getgid() != 0) return 10;
    if (!own || own->uids != maps->uids) return 11;
    if (death_signal != SIGKILL) return 12;
    if (::umask(022) != 022) return 13;
    // Seen by nobody else, or the leak check of the test's end would find it.
    if (::mount("t", "/", "tmpfs", 0, nullptr) != 0) return 14;
    if (maps->kind != IdMaps::Kind::kSingle && ::setgroups(0, nullptr) != 0) return 15;
    return 42;
  });
  ASSERT_TRUE(build) << render(build.error(), false);
  EXPECT_EQ(build->process.wait()->code, 42);
}

TEST(BuildNamespace, MountsInsideAreNotSeenOutside) {
  const std::string before = sys::read_file(AT_FDCWD, "/proc/self/mountinfo").value();
  auto build = enter_build_namespace(plan_id_maps().value(), [](UniqueFd control) {
    if (::mount("t", "/", "tmpfs", 0, nullptr) != 0) return 1;
    (void)!::send(control.get(), "m", 1, 0);
    char wait = 0;
    (void)!::read(control.get(), &wait, 1);
    return 0;
  });
  ASSERT_TRUE(build);
  char mounted = 0;
  ASSERT_EQ(::read(build->control.get(), &mounted, 1), 1);
  EXPECT_EQ(sys::read_file(AT_FDCWD, "/proc/self/mountinfo").value(), before);
  build->control.reset();
  EXPECT_EQ(build->process.wait()->code, 0);
}

TEST(BuildNamespace, ControlSocketCarriesMessagesAndEndsWithTheBuild) {
  auto build = enter_build_namespace(plan_id_maps().value(), [](UniqueFd control) {
    char text[8] = {};
    const ssize_t size = ::read(control.get(), text, sizeof text);
    return size == 3 && ::send(control.get(), text, 3, 0) == 3 ? 0 : 1;
  });
  ASSERT_TRUE(build);
  ASSERT_EQ(::send(build->control.get(), "abc", 3, 0), 3);
  char text[8] = {};
  EXPECT_EQ(::read(build->control.get(), text, sizeof text), 3);
  EXPECT_STREQ(text, "abc");
  EXPECT_EQ(::read(build->control.get(), text, sizeof text), 0);
  EXPECT_TRUE(build->process.wait()->ok());
}

TEST(BuildNamespace, SingleIdNeedsNoHelper) {
  IdMaps maps;
  maps.uids = {{0, ::geteuid(), 1}};
  maps.gids = {{0, ::getegid(), 1}};
  auto build = enter_build_namespace(
      maps, [](UniqueFd) { return ::getuid() == 0 && ::setgroups(0, nullptr) != 0 ? 5 : 6; });
  ASSERT_TRUE(build) << render(build.error(), false);
  EXPECT_EQ(build->process.wait()->code, 5);
}

TEST(BuildNamespace, MapThatIsNotOursIsAnError) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may map every id";
  IdMaps maps;
  maps.kind = IdMaps::Kind::kFull;
  maps.uids = {{0, ::geteuid(), 1}, {1, 1, 10}};
  maps.gids = {{0, ::getegid(), 1}, {1, 1, 10}};
  auto build = enter_build_namespace(maps, [](UniqueFd) { return 0; });
  ASSERT_FALSE(build);
  EXPECT_NE(build.error().message().find("newuidmap could not map the build's ids"), std::string::npos);
  EXPECT_FALSE(build.error().hints().empty());
}

TEST(Probe, FindsFullIsolationAndLeavesNothing) {
  auto dir = sys::TempDir::create("shale-probe-test");
  ASSERT_TRUE(dir);
  const auto result = probe_isolation(dir->path());
  ASSERT_TRUE(result) << render(result.error(), false);
  for (const Error& reason : result->reasons) ADD_FAILURE() << render(reason, false);
  EXPECT_STREQ(isolation_name(result->isolation), "full");
  const UniqueFd fd(::open(dir->path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_EQ(sys::list_dir(fd.get()).value(), std::vector<std::string>{});
}

// A lock is free when its last descriptor is closed, whoever has it.
TEST(Probe, TrialHoldsNoLockOfOurs) {
  auto dir = sys::TempDir::create("shale-probe-test");
  ASSERT_TRUE(dir);
  const std::string path = dir->path() + "/lock";
  for (int i = 0; i < 20; ++i) {
    UniqueFd held(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(::flock(held.get(), LOCK_EX), 0);
    ASSERT_TRUE(probe_isolation(dir->path()));
    held.reset();
    const UniqueFd next(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    EXPECT_EQ(::flock(next.get(), LOCK_EX | LOCK_NB), 0);
  }
}

TEST(Probe, MissingStoreIsAnError) { EXPECT_FALSE(probe_isolation("/no/such/store")); }

}  // namespace
}  // namespace shale::runtime
