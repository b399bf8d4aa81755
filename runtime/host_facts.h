// SPDX-License-Identifier: Apache-2.0
// HostFacts: what this host's files say about what it allows. Nothing is tried here; see probe.h for that.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "sys/mount_table.h"

namespace shale::runtime {

struct HostFacts {
  uid_t uid = 0;
  std::uint64_t capabilities = 0;  // the effective set, by CAP_… numbers
  bool no_new_privs = false;
  bool seccomp_filter = false;  // one is in force, as in a container
  bool in_chroot = false;       // the kernel forbids user namespaces there
  std::string container;        // "docker", "podman", "kubernetes", …; empty = none was recognised
  std::string kernel;           // "6.1.0-18-amd64"
  // Switches; -1 = this kernel has no such file.
  std::int64_t max_user_namespaces = -1;
  std::int64_t unprivileged_userns_clone = -1;              // Debian's
  std::int64_t apparmor_restrict_unprivileged_userns = -1;  // Ubuntu's, since 23.10
  std::string apparmor_profile;                             // ours: "unconfined", "docker-default (enforce)"
  bool selinux_enforcing = false;

  [[nodiscard]] bool has_capability(unsigned capability) const {
    return (capabilities >> capability & 1U) != 0;
  }
  // (Container) root with everything that a build without namespaces needs: to own, to be and to make.
  [[nodiscard]] bool can_chroot() const;
};

// Of this process. Facts that cannot be read have their defaults. Any thread.
HostFacts read_host_facts();

// What to change about the container we are in, in the words of whoever made it: an option of docker's (or
// podman's), or what Kubernetes has for it.
std::string container_option(const HostFacts& facts, const char* docker, const char* kubernetes);

// In a chroot, the mount that holds our root lies above it, so that none has "/" as its mount point. (Unless
// the chroot is a mount itself, which only root can see: by comparing with the first process.)
bool shows_a_chroot(const sys::MountTable& mounts);

}  // namespace shale::runtime
