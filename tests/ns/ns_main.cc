// SPDX-License-Identifier: Apache-2.0
// Runs the tests inside a build namespace: as the caller, or with --as-user, when the caller is root, as the
// first ordinary user of /etc/subuid. What cannot be had skips the whole program (status 77), unless
// SHALE_TEST_REQUIRE names it. With SHALE_TEST_OUTSIDE compiled in, the tests make their namespaces
// themselves; with SHALE_TEST_SINGLE the namespace has one id.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "runtime/isolation.h"
#include "runtime/monitor_server.h"
#include "runtime/userns.h"
#ifndef SHALE_TEST_OUTSIDE
#include "sandbox_fixture.h"
#endif
#include "sys/files.h"

namespace {

constexpr int kSkipped = 77;  // what meson takes for a skip

int skip(std::string_view need, const shale::Error& error) {
  std::fputs(shale::render(error, false).c_str(), stderr);
  const char* required = std::getenv("SHALE_TEST_REQUIRE");
  if (required != nullptr && std::string_view(required).find(need) != std::string_view::npos) return 1;
  std::fprintf(stderr, "skipped: this host has no %.*s for the tests\n", static_cast<int>(need.size()),
               need.data());
  return kSkipped;
}

bool become_ordinary_user() {
  const auto text = shale::sys::read_file(AT_FDCWD, "/etc/subuid");
  const std::string name = text ? text->substr(0, text->find(':')) : "";
  const struct passwd* user = ::getpwnam(name.c_str());
  if (user == nullptr || user->pw_uid == 0) return false;
  ::setenv("HOME", user->pw_dir, 1);
  return ::setgroups(0, nullptr) == 0 && ::setresgid(user->pw_gid, user->pw_gid, user->pw_gid) == 0 &&
         ::setresuid(user->pw_uid, user->pw_uid, user->pw_uid) == 0;
}

}  // namespace

int main(int argc, char** argv) {
#ifndef SHALE_TEST_OUTSIDE
  if (std::string_view(argv[0]) == "shale-runtime")
    return shale::runtime::serve_monitors(shale::test::die_as_monitor);
#endif
  ::testing::InitGoogleTest(&argc, argv);
  const bool as_user = argc > 1 && std::string_view(argv[1]) == "--as-user";
  if (as_user && ::geteuid() == 0) {
    // A program that changed its ids is not dumpable, and its /proc files are root's: start anew, as a login
    // does.
    if (!become_ordinary_user())
      return skip("userns",
                  shale::Error(shale::ErrorKind::kUnsupported, "no ordinary user has a line in /etc/subuid"));
    ::execv("/proc/self/exe", argv);
    return 1;
  }
#ifdef SHALE_TEST_SINGLE
  auto plan = shale::runtime::plan_isolation(shale::Isolation::kSingle);
  if (!plan) return skip("userns", plan.error());
  shale::Result<shale::runtime::IdMaps> maps = plan->maps;
#else
  auto maps = shale::runtime::plan_id_maps();
#endif
  if (!maps) return skip("userns", maps.error());
#ifdef SHALE_TEST_OUTSIDE
  auto usable = shale::runtime::enter_build_namespace(*maps, [](shale::UniqueFd) { return 0; });
  if (!usable) return skip("userns", usable.error());
  (void)usable->process.wait();
  return RUN_ALL_TESTS();
#else
  auto scratch = shale::sys::TempDir::create("shale-ns-test");
  if (!scratch) return skip("tmp", scratch.error());
  auto build = shale::runtime::enter_build_namespace(*maps, [&](shale::UniqueFd) {
    if (auto ready = shale::test::prepare_scratch(scratch->path()); !ready)
      return skip("overlay", ready.error());
    return RUN_ALL_TESTS();
  });
  if (!build) return skip("userns", build.error());
  auto status = build->process.wait();
  return status ? status->shell_code() : 1;
#endif
}
