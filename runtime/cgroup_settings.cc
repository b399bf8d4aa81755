// SPDX-License-Identifier: Apache-2.0
#include "runtime/cgroup_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace shale::runtime {

namespace {

// Enough for every build, and a fork bomb stays a nuisance of its own step.
constexpr std::int64_t kDefaultPids = 16384;

void add_memory(const ResourceLimits& limits, std::vector<CgroupSetting>& out) {
  if (limits.memory != 0) out.push_back({"memory", "memory.max", std::to_string(limits.memory), "--memory"});
  // Here swap is counted for itself. A kernel without swap has no such file and needs none.
  if (limits.memory_swap == -1)
    out.push_back({"memory", "memory.swap.max", "max", "--memory-swap", true});
  else if (limits.memory_swap > 0)
    out.push_back({"memory", "memory.swap.max",
                   std::to_string(static_cast<std::uint64_t>(limits.memory_swap) - limits.memory),
                   "--memory-swap", true});
  else if (limits.memory != 0)  // docker's default: as much swap as memory
    out.push_back({"memory", "memory.swap.max", std::to_string(limits.memory), "--memory", true});
}

void add_processors(const ResourceLimits& limits, std::vector<CgroupSetting>& out) {
  if (limits.cpu_shares != 0)
    out.push_back({"cpu", "cpu.weight", std::to_string(cpu_weight(limits.cpu_shares)), "--cpu-shares"});
  constexpr std::uint64_t kDefaultPeriod = 100000;  // the kernel's
  if (limits.cpu_period != 0 || limits.cpu_quota != 0)
    out.push_back({"cpu", "cpu.max",
                   fmt::format("{} {}", limits.cpu_quota > 0 ? std::to_string(limits.cpu_quota) : "max",
                               limits.cpu_period != 0 ? limits.cpu_period : kDefaultPeriod),
                   limits.cpu_quota != 0 ? "--cpu-quota" : "--cpu-period"});
  if (!limits.cpuset_cpus.empty())
    out.push_back({"cpuset", "cpuset.cpus", limits.cpuset_cpus, "--cpuset-cpus"});
  if (!limits.cpuset_mems.empty())
    out.push_back({"cpuset", "cpuset.mems", limits.cpuset_mems, "--cpuset-mems"});
}

}  // namespace

std::uint64_t cpu_weight(std::uint64_t shares) {
  // The curve on which both defaults meet: runc's and systemd's since 2025. The straight line through the
  // ends gives 1024 a weight of 39.
  const double power = std::log2(static_cast<double>(std::max<std::uint64_t>(shares, 2)));
  const double weight = std::ceil(std::pow(10, (power * power + 125 * power) / 612 - 7.0 / 34));
  return static_cast<std::uint64_t>(std::clamp(weight, 1.0, 10000.0));
}

std::vector<CgroupSetting> cgroup_settings(const ResourceLimits& limits) {
  std::vector<CgroupSetting> out;
  add_memory(limits, out);
  add_processors(limits, out);
  const std::int64_t pids = limits.pids == 0 ? kDefaultPids : limits.pids;
  out.push_back(
      {"pids", "pids.max", pids < 0 ? "max" : std::to_string(pids), limits.pids == 0 ? "" : "--pids-limit"});
  return out;
}

}  // namespace shale::runtime
