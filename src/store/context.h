// SPDX-License-Identifier: Apache-2.0
// StoreContext: what the parts of an open store share. For files of this room only.
#pragma once

#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "store/database.h"
#include "sys/lock.h"

namespace shale::store {

inline constexpr const char* kBlobDirectory = "blobs/sha256";

struct StoreContext {
  std::string root_path;  // absolute
  std::string boot_id;
  UniqueFd root;
  UniqueFd blobs;
  UniqueFd layers;
  UniqueFd builds;
  UniqueFd trash;
  UniqueFd cache_mounts;
  bool network_file_system = false;
  sys::FileLock host_lock;  // network file systems only: one host at a time
  std::unique_ptr<Database> database;
};

// Moves `path` (relative to the root) into the trash. Missing is fine.
Status move_to_trash(const StoreContext& context, const std::string& path);

// Seconds since 1970.
std::int64_t now_seconds();

}  // namespace shale::store
