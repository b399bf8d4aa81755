// SPDX-License-Identifier: Apache-2.0
// The isolation probe: does, in a child that is thrown away, what a build will do, and says what failed and
// why.
#pragma once

#include <string>

#include "runtime/isolation.h"

namespace shale::runtime {

// Tries user namespace and maps, an overlay mount (userxattr) on a scratch directory in `store_dir` with a
// merged directory removed and made again (a mount that succeeds proves nothing), and a fresh /proc in a pid
// namespace; what cannot be entered is followed by the next rung. With `wanted` only that one is tried, and
// that it cannot be had is an error. Call it while no other thread exists. An error is otherwise one of the
// probe itself (no scratch directory, no space); a host that can do nothing is a result.
Result<BuildIsolation> probe_isolation(const std::string& store_dir,
                                       std::optional<Isolation> wanted = std::nullopt);

}  // namespace shale::runtime
