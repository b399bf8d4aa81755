// SPDX-License-Identifier: Apache-2.0
// Control groups (v2) of single commands: made below a group that is ours, limited, asked what happened,
// removed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "runtime/cgroup_place.h"
#include "runtime/cgroup_settings.h"

namespace shale::runtime {

// What the kernel did to the processes of a group.
struct CgroupEvents {
  std::uint64_t oom_kills = 0;      // killed because memory ran out, in the group or above it
  bool own_limit = false;           // its own limit was reached, not one above
  std::uint64_t refused_forks = 0;  // processes that its limit of them kept from being made
  std::uint64_t memory_files = 0;   // bytes of files that they left in a tmpfs
};

// One group, locked for as long as somebody holds its descriptor: groups whose builder is gone are known by
// that.
class StepCgroup {
 public:
  StepCgroup(StepCgroup&& other) noexcept;
  StepCgroup& operator=(StepCgroup&& other) noexcept;
  StepCgroup(const StepCgroup&) = delete;
  StepCgroup& operator=(const StepCgroup&) = delete;
  // Kills what is in it and removes it.
  ~StepCgroup();

  // The directory, for SandboxSpec::cgroup_fd.
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] CgroupEvents events() const;

 private:
  friend class StepCgroups;
  StepCgroup(UniqueFd parent, std::string name, UniqueFd fd)
      : parent_(std::move(parent)), name_(std::move(name)), fd_(std::move(fd)) {}
  UniqueFd parent_;
  std::string name_;
  UniqueFd fd_;
};

// The group in which each command of a build gets one of its own. Below our own group, ourselves have to
// leave that first: only groups without processes can hand controllers on. The destructor goes back, if
// everything else is gone.
class StepCgroups {
 public:
  // `top` is the process of ours from which all others descend; `name` is nobody else's. What of `limits`
  // cannot be applied, and why, is in problems(); without any limit given there are none. kNotFound if
  // --cgroup-parent is missing.
  static Result<StepCgroups> prepare(const ResourceLimits& limits, const CgroupPlace& place, pid_t top,
                                     const std::string& name);
  StepCgroups(StepCgroups&&) = default;
  StepCgroups& operator=(StepCgroups&&) = delete;
  StepCgroups(const StepCgroups&) = delete;
  StepCgroups& operator=(const StepCgroups&) = delete;
  ~StepCgroups();

  [[nodiscard]] const std::vector<Error>& problems() const { return problems_; }
  // A group with the limits. Nothing if there can be none here. A limit that the kernel refuses is kUsage.
  Result<std::optional<StepCgroup>> make(const std::string& step);
  // The smallest limit of memory above the groups that are made here, in bytes; 0 = none.
  [[nodiscard]] std::uint64_t memory_limit_above() const;

 private:
  StepCgroups() = default;
  Status choose_base(const ResourceLimits& limits, const CgroupPlace& place);
  std::optional<Error> hand_on_controllers(const CgroupPlace& place, pid_t top);
  std::optional<Error> leave_base(const CgroupPlace& place, pid_t top);
  void return_to_base();
  void keep_applicable(const CgroupPlace& place);
  void drop_all(Error reason);
  Result<StepCgroup> make_locked(const std::string& name);

  std::vector<CgroupSetting> settings_;
  std::vector<Error> problems_;
  std::string mount_;
  std::string base_;  // the directory of the group; empty = there is none
  UniqueFd base_fd_;
  std::string name_;
  std::string handed_on_;             // controllers that we have switched on in the base: "+memory +pids"
  std::optional<StepCgroup> refuge_;  // where we went
};

}  // namespace shale::runtime
