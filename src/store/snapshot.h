// SPDX-License-Identifier: Apache-2.0
// Snapshots: stacks of layer directories as mounts. A mount is detached: nobody sees it until the holder of
// the descriptor attaches it (move_mount), and it is gone when the last descriptor is closed.
#pragma once

#include <span>
#include <string>

#include "base/unique_fd.h"
#include "shale/error.h"
#include "store/lease.h"
#include "sys/overlay.h"

namespace shale::store {

class Store;

// Both need CAP_SYS_ADMIN in the caller's user namespace and a mount namespace that it owns: they are called
// in build init. `lowers` are directories relative to the store's root, LOWEST first: Layers::fs_path(id) of
// published layers, WorkDirectory::fs_path() of those that nobody writes to any more. At most 500 (the
// kernel's limit); beyond about 60 look-ups of missing names get slow (0.5 µs per layer).

// Read-only. No layer gives an empty directory; one gives a bind mount of it. `mount_path` is a name of
// BuildLease::new_mount_path(), `method` what to try (all of them, but for tests).
Result<UniqueFd> mount_read_only(Store& store, std::span<const std::string> lowers,
                                 const std::string& mount_path,
                                 sys::OverlaySpec::Method method = sys::OverlaySpec::Method::kAuto);

// What is written goes to directory.fs, whose root takes the mode, owner, times and attributes of the merged
// root below (0755 and the caller's uid and gid if there is nothing below). Once for each WorkDirectory:
// overlay's scratch directory must be fresh. Not synced at unmount ("volatile"): Store::sync() does that.
Result<UniqueFd> mount_writable(Store& store, std::span<const std::string> lowers,
                                const WorkDirectory& directory);

}  // namespace shale::store
