// SPDX-License-Identifier: Apache-2.0
#include "build/ulimits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <optional>

namespace shale::build {
namespace {

using testing::HasSubstr;

std::string mistake(std::string_view text) {
  const Result<Ulimit> limit = Ulimit::parse(text);
  return limit ? "no error" : render(limit.error(), false);
}

TEST(Ulimit, FormsThatDockerAccepts) {
  struct Case {
    const char* text;
    const char* name;
    std::int64_t soft;
    std::int64_t hard;
  };
  for (const Case& expected : {Case{"nofile=1024:2048", "nofile", 1024, 2048}, Case{"core=0", "core", 0, 0},
                               Case{"nproc=-1", "nproc", -1, -1}, Case{"memlock=64:-1", "memlock", 64, -1},
                               Case{"stack=unlimited", "stack", -1, -1},
                               Case{"cpu=9223372036854775807", "cpu", INT64_MAX, INT64_MAX}}) {
    const Result<Ulimit> limit = Ulimit::parse(expected.text);
    ASSERT_TRUE(limit) << limit.error().to_line();
    EXPECT_EQ(limit->name, expected.name);
    EXPECT_EQ(limit->soft, expected.soft) << expected.text;
    EXPECT_EQ(limit->hard, expected.hard) << expected.text;
  }
}

TEST(Ulimit, MistakesAreNamed) {
  for (const char* text : {"", "nofile", "=1", "nofile=", "nofile=1:", "nofile=:1", "nofile=1:2:3",
                           "nofile=1k", "nofile=-2", "nofile=99999999999999999999", "nofile= 1"})
    EXPECT_THAT(mistake(text), HasSubstr("is not of the form type=soft[:hard]")) << text;
  EXPECT_THAT(mistake("nofiles=1"), HasSubstr("there is no limit 'nofiles'"));
  EXPECT_THAT(mistake("nofiles=1"), HasSubstr("did you mean 'nofile'?"));
  EXPECT_THAT(mistake("as=1"), HasSubstr("the limits are core, cpu, data"));
  EXPECT_THAT(mistake("nofile=2:1"), HasSubstr("the soft limit is above the hard limit"));
  EXPECT_THAT(mistake("nofile=-1:1"), HasSubstr("the soft limit is above the hard limit"));
}

const runtime::ResourceLimit* find(const std::vector<runtime::ResourceLimit>& limits, int resource) {
  const auto found = std::find_if(limits.begin(), limits.end(),
                                  [&](const auto& limit) { return limit.resource == resource; });
  return found == limits.end() ? nullptr : &*found;
}

TEST(CommandLimits, WithoutOptionsFilesAreBoundAndCoresOff) {
  struct rlimit own;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &own), 0);
  const auto limits = command_limits({});
  ASSERT_EQ(limits.size(), 2U);
  const runtime::ResourceLimit* files = find(limits, RLIMIT_NOFILE);
  ASSERT_NE(files, nullptr);
  EXPECT_EQ(files->hard, std::min<rlim_t>(own.rlim_max, 524288));
  EXPECT_EQ(files->soft, std::min<rlim_t>(files->hard, 1024));
  const runtime::ResourceLimit* core = find(limits, RLIMIT_CORE);
  ASSERT_NE(core, nullptr);
  EXPECT_EQ(core->soft, 0U);
}

TEST(CommandLimits, TheLastOfAnOptionCounts) {
  const auto limits = command_limits({{.name = "nofile", .soft = 5, .hard = 6},
                                      {.name = "nproc", .soft = -1, .hard = -1},
                                      {.name = "nofile", .soft = 7, .hard = 8}});
  ASSERT_EQ(limits.size(), 3U);
  EXPECT_EQ(find(limits, RLIMIT_NOFILE)->soft, 7U);
  EXPECT_EQ(find(limits, RLIMIT_NOFILE)->hard, 8U);
  EXPECT_EQ(find(limits, RLIMIT_NPROC)->hard, RLIM_INFINITY);
}

// In a child, which may give up rights.
int exit_status_of(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = 0;
  (void)::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

TEST(AllowLimits, AHardLimitAboveOnesOwnIsAnErrorThatNamesIt) {
  const int status = exit_status_of([] {
    struct rlimit limit{.rlim_cur = 100, .rlim_max = 200};
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) return 2;
    if (!allow_limits({{.name = "nofile", .soft = 10, .hard = 200}})) return 3;
    const Status refused = allow_limits({{.name = "nofile", .soft = 10, .hard = 201}});
    if (refused) return 4;
    const std::string text = render(refused.error(), false);
    if (text.find("--ulimit nofile=201: the hard limit of this process is 200") == std::string::npos)
      return 5;
    return text.find("LimitNOFILE=") == std::string::npos || text.find("fs.nr_open") == std::string::npos ? 6
                                                                                                          : 0;
  });
  EXPECT_EQ(status, 0);
}

TEST(AllowLimits, RootGetsWhatItAsksFor) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const int status = exit_status_of([] {
    struct rlimit limit{.rlim_cur = 100, .rlim_max = 200};
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
    if (!allow_limits({{.name = "nofile", .soft = 10, .hard = 300}})) return 2;
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max != 300 || limit.rlim_cur != 100) return 3;
    return 0;
  });
  if (status == 2) GTEST_SKIP() << "this root lacks CAP_SYS_RESOURCE";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace shale::build
