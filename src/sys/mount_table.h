// SPDX-License-Identifier: Apache-2.0
// MountTable: the mounts that this process sees.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shale/error.h"

namespace shale::sys {

struct Mount {
  std::string target;   // where, as a path of this process
  std::string root;     // what of the file system is mounted there
  std::string type;     // "overlay"
  std::string options;  // of the file system, divided by commas
};

using MountTable = std::vector<Mount>;

// /proc/self/mountinfo, in its order: a mount comes after what it lies on. What the root directory of this
// process does not show is not in it. Any thread.
Result<MountTable> read_mount_table();

// The same of a text in that format (proc_pid_mountinfo(5)). Lines that make no sense are left out.
MountTable parse_mount_table(std::string_view mountinfo);

}  // namespace shale::sys
