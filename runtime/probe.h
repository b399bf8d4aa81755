// SPDX-License-Identifier: Apache-2.0
// The isolation probe: does, in a child that is thrown away, what a build will do, and says what failed and
// why.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/userns.h"

namespace shale::runtime {

// Which way of isolating a step works here, best first.
enum class Isolation : std::uint8_t {
  kFull,           // user namespace with an id range, overlayfs, own /proc
  kFullBoundProc,  // the same, but the kernel refuses a fresh /proc (a container with masked paths)
  kSingle,         // user namespace with one id only
  kSingleBoundProc,
  kNone,  // no user namespace, no mount in it, or no overlayfs on the store
};
const char* isolation_name(Isolation isolation);

struct ProbeResult {
  Isolation isolation = Isolation::kNone;
  IdMaps maps;
  // What kept it from the better ones, best first, each with its remedy as hints.
  std::vector<Error> reasons;
};

// Tries user namespace and maps, an overlay mount (userxattr) on a scratch directory in `store_dir` with a
// merged directory removed and made again (a mount that succeeds proves nothing), and a fresh /proc in a pid
// namespace. Call it while no other thread exists. An error is one of the probe itself (no scratch
// directory); a host that can do nothing is a result.
Result<ProbeResult> probe_isolation(const std::string& store_dir);

}  // namespace shale::runtime
