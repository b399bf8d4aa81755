// SPDX-License-Identifier: Apache-2.0
// The isolation probe: does, in a child that is thrown away, what a build will do, and says what failed and
// why.
#pragma once

#include <string>

#include "runtime/isolation.h"

namespace shale::runtime {

// Tries user namespace and maps, an overlay mount (userxattr) on a scratch directory in `store_dir` with a
// merged directory removed and made again (a mount that succeeds proves nothing), and a fresh /proc in a pid
// namespace. Call it while no other thread exists. An error is one of the probe itself (no scratch
// directory); a host that can do nothing is a result.
Result<BuildIsolation> probe_isolation(const std::string& store_dir);

}  // namespace shale::runtime
