// SPDX-License-Identifier: Apache-2.0
// MapTrial: whether newuidmap and newgidmap can write the maps of a namespace, and whether files of the store
// can be given to its ids, found out beside other work.
#pragma once

#include <string>

#include "runtime/map_helpers.h"

namespace shale::runtime {

class MapTrial {
 public:
  // Starts newuidmap for a process that is there for nothing else. `maps` is of Kind::kFull; `scratch` is a
  // directory of the caller's in the store.
  static Result<MapTrial> start(const IdMaps& maps, const std::string& scratch);
  // newgidmap, too: apart, so that what goes on beside it can be started in between.
  Status start_second(const IdMaps& maps) { return writers_.start_second(maps); }
  // Waits until the process has become the root of its namespace and given a file away, or the reason why it
  // cannot.
  Status finish();

 private:
  MapTrial(sys::ChildProcess process, UniqueFd go, MapWriters writers)
      : process_(std::move(process)), go_(std::move(go)), writers_(std::move(writers)) {}

  sys::ChildProcess process_;
  UniqueFd go_;
  MapWriters writers_;
};

}  // namespace shale::runtime
