// SPDX-License-Identifier: Apache-2.0
// CgroupSetting: resource limits in docker's words as what is written to the files of a control group (v2).
#pragma once

#include <string>
#include <vector>

#include "shale/run_options.h"

namespace shale::runtime {

struct CgroupSetting {
  std::string controller;  // "memory"
  std::string file;        // "memory.max"
  std::string value;
  std::string option;     // whose wish it is: "--memory"; empty = a default of ours
  bool optional = false;  // passed over where the kernel has no such file
};

// In the order in which they are to be written.
std::vector<CgroupSetting> cgroup_settings(const ResourceLimits& limits);

// What a share of cgroup v1 is as a weight of v2: 2 → 1, 1024 → 100 (both everybody's), 262144 → 10000.
std::uint64_t cpu_weight(std::uint64_t shares);

}  // namespace shale::runtime
