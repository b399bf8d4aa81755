// SPDX-License-Identifier: Apache-2.0
// newuidmap and newgidmap: where they are, whether they can be trusted, and how maps are written with them or
// without.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "runtime/userns.h"
#include "shale/error.h"
#include "sys/process.h"

namespace shale::runtime {

// The absolute path of `name`, owned by root, writable by nobody else, setuid or with file capabilities; else
// an error with the remedy as its hint.
Result<std::string> find_map_helper(const std::string& name);

// `ranges` without the ids that are not in `here`, our own map: those of a rootless container's users end
// long before useradd's first row begins. `inside` counts on without gaps.
std::vector<IdMap> ids_that_exist(const std::vector<IdMap>& ranges, const std::vector<IdMap>& here);

// A range for a new row: 65536 ids that no row of `/etc/subuid`-like `text` has, from 100000 on, where
// useradd begins; where these are not all `here`, the most in a row that are and that are neither 0 nor
// `own`.
IdMap free_subordinate_ids(std::string_view text, const std::vector<IdMap>& here, std::uint32_t own);

// Who writes the maps of a user namespace: for a range of ids newuidmap and newgidmap, both at once and
// beside whatever the caller does, as each takes about a millisecond; else ourselves.
class MapWriters {
 public:
  // For the namespace of `pid`, a child of ours in a user namespace of its own.
  static Result<MapWriters> start(pid_t pid, const IdMaps& maps);
  // Waits until the maps are written, or says why they cannot be.
  Status finish();

 private:
  struct Writer {
    sys::ChildProcess process;
    UniqueFd errors;
  };
  static Result<Writer> start_helper(const std::string& name, pid_t pid, const std::vector<IdMap>& maps);
  static Status finish_helper(const std::string& name, const std::string& file, Writer& writer);

  Writer uids_;
  Writer gids_;
};

}  // namespace shale::runtime
