// SPDX-License-Identifier: Apache-2.0
#include "shale/run_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "build/run_files.h"

namespace shale {
namespace {

using testing::HasSubstr;

std::string mistake(std::string_view text) {
  const Result<ExtraHost> host = ExtraHost::parse(text);
  return host ? "no error" : render(host.error(), false);
}

TEST(ExtraHost, FormsThatDockerAccepts) {
  struct Case {
    const char* text;
    const char* name;
    const char* address;
  };
  for (const Case& expected :
       {Case{"db:10.0.0.2", "db", "10.0.0.2"}, Case{"db=10.0.0.2", "db", "10.0.0.2"},
        Case{"six:::1", "six", "::1"}, Case{"six=::1", "six", "::1"},
        Case{"six=[2001:db8::7]", "six", "2001:db8::7"}, Case{"six:[::1]", "six", "::1"},
        Case{"host.docker.internal:host-gateway", "host.docker.internal", "host-gateway"},
        Case{"a_b-c.d=127.0.0.1", "a_b-c.d", "127.0.0.1"}}) {
    const Result<ExtraHost> host = ExtraHost::parse(expected.text);
    ASSERT_TRUE(host) << host.error().to_line();
    EXPECT_EQ(host->name, expected.name) << expected.text;
    EXPECT_EQ(host->address, expected.address) << expected.text;
  }
}

TEST(ExtraHost, MistakesAreNamed) {
  for (const char* text : {"", "db", "db:", "db=", ":1.2.3.4", "=1.2.3.4"})
    EXPECT_THAT(mistake(text), HasSubstr("is not of the form host:ip")) << text;
  for (const char* text :
       {"db:1.2.3", "db:1.2.3.4.5", "db:host", "db=fe80::1%eth0", "[::1]:80", "db:[1", "db:1.2.3.4 "})
    EXPECT_THAT(mistake(text), HasSubstr("is not an IP address")) << text;
  for (const char* text : {"a b=1.2.3.4", "a\n9.9.9.9 c=1.2.3.4", "a#=1.2.3.4", "a\tb:1.2.3.4"})
    EXPECT_THAT(mistake(text), HasSubstr("is not a host name")) << text;
}

TEST(HostsFile, HoldsThisMachineAndWhatWasAdded) {
  EXPECT_EQ(build::hosts_file("buildkitsandbox", {{.name = "db", .address = "10.0.0.2"},
                                                  {.name = "up", .address = ExtraHost::kGateway}}),
            "127.0.0.1\tlocalhost buildkitsandbox\n::1\tlocalhost ip6-localhost ip6-loopback\n"
            "10.0.0.2\tdb\n127.0.0.1\tup\n");
}

std::string problem(const ResourceLimits& limits) {
  const Status good = limits.check();
  return good ? "" : render(good.error(), false);
}

TEST(ResourceLimits, WhatDockerTakesIsTaken) {
  EXPECT_EQ(problem({}), "");
  EXPECT_EQ(problem({.memory = 6U << 20U,
                     .memory_swap = 6 << 20,
                     .cpu_shares = 2,
                     .cpu_period = 1000,
                     .cpu_quota = 1000,
                     .cpuset_cpus = "0-2,5",
                     .cpuset_mems = "0",
                     .pids = 1,
                     .cgroup_parent = {}}),
            "");
  ResourceLimits limits;
  limits.memory_swap = limits.cpu_quota = limits.pids = -1;
  EXPECT_EQ(problem(limits), "");
}

TEST(ResourceLimits, MistakesAreNamedTogether) {
  ResourceLimits limits;
  limits.memory = 1000;
  limits.memory_swap = 999;
  limits.cpu_shares = 1;
  limits.cpu_period = 999;
  limits.cpu_quota = 999;
  limits.cpuset_cpus = "2-1";
  limits.cpuset_mems = "0,";
  limits.pids = -2;
  const std::string text = problem(limits);
  for (const char* part : {"--memory 1000 is less than 6 MiB", "--memory-swap is less than --memory",
                           "--cpu-shares 1 is not in", "--cpu-period 999 is not in",
                           "--cpu-quota 999 is less than 1000", "--cpuset-cpus '2-1' is not a list",
                           "--cpuset-mems '0,' is not a list", "--pids-limit -2 is less than -1"})
    EXPECT_THAT(text, HasSubstr(part));
  EXPECT_THAT(
      problem(
          {.memory = 0, .memory_swap = 1 << 30, .cpuset_cpus = {}, .cpuset_mems = {}, .cgroup_parent = {}}),
      HasSubstr("--memory-swap needs --memory"));
}

}  // namespace
}  // namespace shale
