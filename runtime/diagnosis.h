// SPDX-License-Identifier: Apache-2.0
// diagnose: from what was found on a host to what a person is told about it. No system call: everything is in
// the examination, so that hosts which are not at hand can be tested.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/host_facts.h"
#include "runtime/isolation.h"
#include "shale/doctor.h"

namespace shale::runtime {

struct Examination {
  HostFacts facts;
  std::string program;                  // the path of this one
  std::optional<Error> user_namespace;  // why none can be entered
  bool unshare_refused = false;         // unshare(2) that asks for nothing: only a filter refuses that
  IdMaps maps;                          // as planned from files
  std::optional<Error> id_range;        // why newuidmap did not write them
  std::optional<Error> giving;          // why the store keeps no files of theirs
  std::optional<Error> overlay;         // why the store's file system cannot be the upper one
  std::optional<Error> fresh_proc;      // why there is no fresh /proc
  bool seccomp_notify = false;
  int landlock_abi = 0;  // 0 = none
  bool fuse_device = false;
  std::string store_root;
  std::string store_file_system;               // "ext4", "overlayfs", or its number
  std::optional<Error> cgroups;                // why limits cannot be set
  std::vector<std::string> foreign_platforms;  // that binfmt_misc runs
  BuildIsolation chosen;
};

std::vector<HostFinding> diagnose(const Examination& found);

}  // namespace shale::runtime
