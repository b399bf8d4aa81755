// SPDX-License-Identifier: Apache-2.0
// What this host offers to builds, and what to do about what it lacks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "shale/error.h"
#include "shale/isolation.h"
#include "shale/snapshotter.h"

namespace shale {

// One thing a build can use.
struct HostFinding {
  enum class State : std::uint8_t {
    kGood,     // there
    kLimited,  // missing, and builds do without it
    kBad,      // missing, and builds with RUN are not possible or hardly
    kInfo,     // neither: what is there
  };
  std::string name;  // "user namespaces"
  State state = State::kGood;
  std::string text;    // what was found, or the exact cause of what was not: one line
  std::string remedy;  // one line that can be pasted or done; empty if nothing is to be done
};

struct HostReport {
  std::string version;
  std::string kernel;
  std::string store_root;
  std::string store_file_system;
  Isolation isolation = Isolation::kFull;  // of the next build
  bool bound_proc = false;
  Snapshotter snapshotter = Snapshotter::kOverlay;  // unless the isolation is kNone
  std::string why;                                  // it is not a better one; empty for the best
  double probe_milliseconds = 0;                    // what finding out costs the first build
  std::vector<HostFinding> findings;
};

// Examines, and for that tries what a build does. Makes the store (empty = the default one) if it is missing.
// Call it while no other thread exists.
Result<HostReport> examine_host(const std::string& store_root);

}  // namespace shale
