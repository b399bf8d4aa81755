// SPDX-License-Identifier: Apache-2.0
// What the command line says about the commands of RUN, beside what the Dockerfile says: their limits, the
// names they know, and the filter they are under. None of it is part of what a step is found by in the cache.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "shale/error.h"

namespace shale {

// One --ulimit.
struct Ulimit {
  std::string name;       // "nofile"; see getrlimit(2)
  std::int64_t soft = 0;  // in the unit of the limit; -1 = none
  std::int64_t hard = 0;  // not below `soft`

  // "nofile=1024:2048", "core=0", "nproc=-1", "memlock=unlimited". An unknown name comes with the nearest
  // one.
  static Result<Ulimit> parse(std::string_view text);
};

// One --add-host: a line of /etc/hosts.
struct ExtraHost {
  static constexpr const char* kGateway = "host-gateway";
  std::string name;
  std::string address;  // an IPv4 or IPv6 address, or kGateway: the host itself

  // "name:ip" or "name=ip", an IPv6 address with or without brackets.
  static Result<ExtraHost> parse(std::string_view text);
};

// Limits that a cgroup sets for each command, in docker's meaning. 0 or empty = not said.
struct ResourceLimits {
  std::uint64_t memory = 0;      // bytes
  std::int64_t memory_swap = 0;  // bytes of memory and swap together; -1 = no limit on swap
  std::uint64_t cpu_shares = 0;  // relative; 1024 is what everybody has
  std::uint64_t cpu_period = 0;  // microseconds
  std::int64_t cpu_quota = 0;    // microseconds in each period; -1 = no limit
  std::string cpuset_cpus;       // "0-3,7"
  std::string cpuset_mems;
  std::int64_t pids = 0;      // processes and threads; 0 = our default, -1 = no limit
  std::string cgroup_parent;  // the group in which each command gets one of its own

  // Docker's rules about single values and about values that need each other. All mistakes at once.
  [[nodiscard]] Status check() const;
};

// All --security-opt together.
struct SecurityOptions {
  enum class Seccomp : std::uint8_t {
    kDefault,     // nothing was said: the built-in profile, where the isolation has one
    kBuiltin,     // the built-in profile, or an error
    kUnconfined,  // no filter of ours
    kFile,        // the profile in `seccomp_file`, or an error
  };
  Seccomp seccomp = Seccomp::kDefault;
  std::string seccomp_file;  // docker's JSON, or the YAML of the built-in profile
  bool no_new_privileges = false;

  // One more value: "seccomp=FILE", "seccomp=unconfined", "no-new-privileges". What asks for less than a
  // command has anyway ("apparmor=unconfined", "label=disable") is taken; what cannot be done is an error.
  Status add(std::string_view text);
};

}  // namespace shale
