// SPDX-License-Identifier: Apache-2.0
// BuildIsolation: how one build is kept apart from the host, decided once and carried to wherever it matters.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/userns.h"
#include "shale/isolation.h"
#include "shale/snapshotter.h"

namespace shale::runtime {

struct BuildIsolation {
  Isolation isolation = Isolation::kFull;
  // The ids that exist in the build. Without a user namespace of its own: those of the caller, one to one, or
  // for kNone of an ordinary user one id.
  IdMaps maps;
  // The kernel refuses a fresh /proc (containers hide parts of theirs): sandboxes get the one that is here.
  bool bound_proc = false;
  Snapshotter snapshotter = Snapshotter::kOverlay;
  // Why it is not a better one, best first, each with its remedy as hints. Empty for what was asked for.
  std::vector<Error> reasons;

  [[nodiscard]] BuildNamespaces namespaces() const;
};

// What files say that the build will use, without trying it: the wanted rung, else full or single. Cheap
// (no process, no mount), for what has to be known before anything is made: the encoding of layers.
// kUnsupported if the wanted rung cannot be had by this user at all.
Result<BuildIsolation> plan_isolation(std::optional<Isolation> wanted);

}  // namespace shale::runtime
