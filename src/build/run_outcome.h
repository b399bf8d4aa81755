// SPDX-License-Identifier: Apache-2.0
// How a command ended, as the error that a person reads: what happened, the last lines it wrote, what to do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/cgroup_place.h"
#include "runtime/launcher.h"
#include "runtime/step_cgroup.h"
#include "shale/build.h"

namespace shale::build {

// What is known of it beside its outcome.
struct RunCircumstances {
  std::vector<std::string> args;
  std::string output;    // the last of it
  std::string log_path;  // all of it
  int store_fd = -1;
  bool own_network = false;  // not the host's
  // Of its own cgroup, if it had one, and the smallest limit of memory above that.
  std::optional<runtime::CgroupEvents> events;
  std::uint64_t limit_above = 0;
  // What the kernel had counted when it began and when it ended; for when it had none.
  runtime::OomKills kills_before;
  runtime::OomKills kills_after;
};

// Why memory was what ended it, or one of its processes: "the kernel killed 2 of its processes at the memory
// limit of 64.0 MiB". Empty if nothing says so.
std::string out_of_memory(const RunCircumstances& run, const ResourceLimits& limits);

// The kernel killed for lack of memory, and the files that the command had written to memory, in place of the
// disk, were much of what it used.
bool files_used_up_memory(const RunCircumstances& run, const ResourceLimits& limits);

// `outcome` is not ok().
Error run_error(const runtime::SandboxOutcome& outcome, const RunCircumstances& run,
                const BuildRequest& request);

}  // namespace shale::build
