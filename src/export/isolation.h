// SPDX-License-Identifier: Apache-2.0
// choose_isolation: which rung of the ladder a command of this program uses, tried once and remembered in the
// store.
#pragma once

#include <optional>
#include <string>

#include "runtime/isolation.h"

namespace shale::exporter {

// What was wanted, else SHALE_ISOLATION, else the best that works here. The probe (a few milliseconds) runs
// when the store remembers no verdict of this boot, user and container. SHALE_SNAPSHOTTER overrides
// what it found about snapshots. `root` is an existing store directory. Call it while no other thread exists.
Result<runtime::BuildIsolation> choose_isolation(std::optional<Isolation> wanted, const std::string& root);

// The value of SHALE_ISOLATION.
Result<std::optional<Isolation>> isolation_of_environment();

// "isolation full" and what is special about it, in one line for a log.
std::string describe_isolation(const runtime::BuildIsolation& isolation);

}  // namespace shale::exporter
