// SPDX-License-Identifier: Apache-2.0
// A trial of namespaces: a process that enters them as a build does, does there what a build will do, and is
// thrown away.
#pragma once

#include <optional>

#include "runtime/isolation.h"
#include "runtime/scratch.h"

namespace shale::runtime {

// What does not work in namespaces that could be entered, each with the remedy as hints.
struct TrialFindings {
  std::optional<Error> proc;     // no fresh /proc
  std::optional<Error> overlay;  // no overlayfs on the store's file system
  std::optional<Error> tmpfs;  // nor one with its upper directory in memory; asked only where the other fails
  std::optional<Error> giving;  // the store's file system keeps no files of subordinate ids
};

// Enters the namespaces of `tried` with its maps. There it mounts overlayfs in `scratch`, uses it, and gives
// a file to another id of the maps; it mounts a fresh /proc, and looks whether the ways to the store and to
// our programs are open. An error says why the namespaces cannot be entered, or that a build in them would
// not reach what it needs; `scratch` is then as good as new, and otherwise removed. Call it while no other
// thread exists; `tried` has namespaces of its own.
Result<TrialFindings> try_namespaces(const BuildIsolation& tried, Scratch& scratch);

}  // namespace shale::runtime
