// SPDX-License-Identifier: Apache-2.0
// The kernel's files that a sandbox must not see or change: the union of what docker and podman hide.
#include "runtime/sandbox_spec.h"

namespace shale::runtime {

std::vector<std::string> default_masked_paths() {
  return {
      "/proc/acpi",        "/proc/asound",  "/proc/interrupts",  // moby GHSA-6fw5-f8r9-fgfm
      "/proc/kcore",       "/proc/keys",    "/proc/latency_stats",
      "/proc/sched_debug", "/proc/scsi",    "/proc/timer_list",
      "/proc/timer_stats", "/sys/firmware", "/sys/devices/virtual/powercap",  // moby GHSA-jq35-85cj-fj4p
      "/sys/fs/selinux",
  };
}

std::vector<std::string> default_read_only_paths() {
  return {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
}

std::vector<std::string> mounts_on_sysfs(const sys::MountTable& mounts) {
  constexpr std::string_view kCgroups = "/sys/fs/cgroup";
  std::vector<std::string> paths;
  for (const sys::Mount& mount : mounts) {
    const std::string_view target = mount.target;
    const bool of_cgroups = target == kCgroups || target.starts_with("/sys/fs/cgroup/");
    if (target.starts_with("/sys/") && !of_cgroups) paths.push_back(mount.target);
  }
  return paths;
}

}  // namespace shale::runtime
