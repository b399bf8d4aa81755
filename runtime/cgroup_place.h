// SPDX-License-Identifier: Apache-2.0
// CgroupPlace: where this process stands in the host's control groups, from what files say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shale/error.h"
#include "sys/mount_table.h"

namespace shale::runtime {

struct CgroupPlace {
  std::string mount;    // where cgroup v2 is mounted; empty = nowhere that this process can see
  std::string own;      // the directory of our own group below it; empty = it lies outside of what is mounted
  bool legacy = false;  // the controllers for memory and processes are on cgroup v1
  std::string memory_v1;  // the directory of our group of v1's memory controller; empty = none
  // The init system manages the groups: only what it delegates is ours, even as root.
  bool systemd = false;
  bool delegated = false;  // it has marked `own` as delegated
  bool root = false;       // the user is root; in a user namespace nobody would know
};

// Of this process. Ask as the user, before a user namespace is entered. Costs a few small files.
CgroupPlace read_cgroup_place();

// `mount`, `own`, `legacy` and `memory_v1` from the mounts and the text of /proc/self/cgroup.
CgroupPlace cgroup_place(const sys::MountTable& mounts, std::string_view membership);

// Why nobody can make groups here, with a remedy; nothing if somebody can.
std::optional<Error> no_groups_here(const CgroupPlace& place);

// Why this process cannot make groups below `base`, a directory, as far as can be seen without trying;
// nothing if it can. An empty `base` is a group outside of what is mounted.
std::optional<Error> not_delegated(const CgroupPlace& place, const std::string& base);

// How to get a group that is ours alone.
std::string delegation_remedy(const CgroupPlace& place);

// How often the kernel has killed because memory ran out, as far as a process without groups of its own can
// know.
struct OomKills {
  std::uint64_t in_group = 0;     // in our own group, which may be the container's
  std::uint64_t group_limit = 0;  // bytes that it may have; 0 = no limit
  std::uint64_t on_machine = 0;   // anywhere on the host
  bool counted = false;           // the kernel tells; else all is 0
};
OomKills count_oom_kills(const CgroupPlace& place);

// The smallest limit of memory from `directory` up to `mount`, in bytes; 0 = none.
std::uint64_t memory_limit_above(const std::string& mount, const std::string& directory);

}  // namespace shale::runtime
