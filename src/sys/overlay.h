// SPDX-License-Identifier: Apache-2.0
// Overlay and bind mounts as detached mounts: descriptors that nobody else sees until they are attached by
// move_mount.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace shale::sys {

struct OverlaySpec {
  int dir = -1;                     // the paths below are relative to this directory
  std::vector<std::string> lowers;  // TOP first, 1 to 500; without an upper at least 2 (the kernel's rule)
  std::string upper;                // empty = read-only
  std::string work;                 // an empty directory on the upper's file system, never used before
  // A directory, made if missing, where kernels before 6.8 attach the mount for a moment, in the caller's
  // mount namespace, which must be private. Not needed otherwise.
  std::string mount_point;
  // How layers are handed to the kernel: by descriptor (6.13), by path (6.8), or all in one mount(2). kAuto
  // takes the first that this kernel knows.
  enum class Method : std::uint8_t { kAuto, kDescriptors, kPaths, kMount } method = Method::kAuto;
};

// Mounts with userxattr (without it an unprivileged overlay looks right, but directories cannot be removed
// and made again: EIO) and, with an upper, volatile. Errors carry what the kernel's file system context said.
// Needs CAP_SYS_ADMIN in the user namespace that owns the caller's mount namespace.
Result<UniqueFd> mount_overlay(const OverlaySpec& spec);

// What `part` (O_PATH) names in the detached mount `mount`, as a detached mount of its own. Linux before 6.15
// clones nothing of a mount that is attached nowhere: then it is attached for a moment, see below.
Result<UniqueFd> clone_part(int mount, int part, int dir, const std::string& mount_point);
// The same by attaching `mount`, in the caller's mount namespace, which must be private, to the directory
// `mount_point` of `dir`, which is made. `mount` cannot be attached again.
Result<UniqueFd> clone_attached_part(int mount, int part, int dir, const std::string& mount_point);

// A bind mount of a directory, without what is mounted below it.
Result<UniqueFd> clone_mount(int dir, const std::string& path, bool read_only);

}  // namespace shale::sys
