// SPDX-License-Identifier: Apache-2.0
// newuidmap and newgidmap: where they are, whether they can be trusted, and what they are started for.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "runtime/userns.h"
#include "shale/error.h"
#include "sys/process.h"

namespace shale::runtime {

// The absolute path of `name`, owned by root, writable by nobody else, setuid or with file capabilities; else
// an error with the remedy as its hint.
Result<std::string> find_map_helper(const std::string& name);

// Both at once, as each takes about a millisecond.
class MapWriters {
 public:
  // newuidmap for the user namespace of `pid`, a child of ours; `maps` is of Kind::kFull.
  static Result<MapWriters> start(pid_t pid, const IdMaps& maps);
  // newgidmap, too.
  Status start_second(const IdMaps& maps);
  // Waits for both.
  Status finish();

 private:
  struct Writer {
    sys::ChildProcess process;
    UniqueFd errors;
  };
  MapWriters(pid_t pid, Writer uids) : pid_(pid), uids_(std::move(uids)) {}
  static Result<Writer> start(const std::string& name, pid_t pid, const std::vector<IdMap>& maps);
  static Status finish(const std::string& name, const std::string& file, Writer& writer);

  pid_t pid_;
  Writer uids_;
  Writer gids_;
};

}  // namespace shale::runtime
