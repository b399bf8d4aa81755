// SPDX-License-Identifier: Apache-2.0
// The mounts of a sandbox: what the monitor prepares outside, and what pid 1 builds inside. Part of
// shale-runtime.
#pragma once

#include <vector>

#include "runtime/sandbox_spec.h"

namespace shale::runtime {

// Detached mounts made in the caller's mount namespace. The sandbox's own namespace could not make them: a
// mount can be cloned only from the namespace it belongs to.
struct HostMounts {
  std::vector<int> devices;  // one per kDevices, -1 = the host has none
  std::vector<int> binds;    // one per spec.mounts, -1 = not a bind
  int null_fd = -1;          // the host's /dev/null, open for reading and writing
};
HostMounts prepare_host_mounts(const SandboxSpec& spec);

// What the child's mounts depend on beside the spec.
struct MountOptions {
  bool own_network =
      false;               // the network namespace belongs to the sandbox: a sysfs of its own can be mounted
  bool tty_group = false;  // gid 5 is mapped
};

// Builds the whole tree on spec.root_fd and makes it the root of this process. Runs as pid 1 of the new
// namespaces, with every capability in them. Gives up on any failure.
void build_root(const SandboxSpec& spec, const HostMounts& host, const MountOptions& options);

}  // namespace shale::runtime
