// SPDX-License-Identifier: Apache-2.0
// CacheMounts: the persistent directories of RUN --mount=type=cache.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "layer/owner_encoding.h"
#include "shale/error.h"
#include "sys/lock.h"

namespace shale::store {

struct StoreContext;

// shared: any number of steps at once. private: a step that finds it in use gets another copy. locked: it
// waits.
enum class CacheMountSharing : std::uint8_t { kShared, kPrivate, kLocked };

struct CacheMountRequest {
  std::string id;  // any text; ids are global to the store
  // What else decides which directory it is: there is one for each id and variant.
  std::string variant;
  CacheMountSharing sharing = CacheMountSharing::kShared;
  // Of the directory when it is made; an existing one keeps its own.
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t mode = 0755;
  layer::OwnerEncoding owners = layer::OwnerEncoding::kIds;  // each has directories of its own
  // Fills a new directory (from=, source=), called with a descriptor of it. If it fails, the directory never
  // existed.
  std::function<Status(int fs_fd)> populate;
};

// A directory in use. The lock lives as long as this object, and as the processes that inherited its
// descriptor.
class CacheMount {
 public:
  // Relative to the store's root: "cache-mounts/<name>/fs".
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int fd() const { return fd_.get(); }  // of the directory, O_RDONLY
  [[nodiscard]] bool created() const { return created_; }

 private:
  friend class CacheMounts;
  CacheMount(std::string path, UniqueFd fd, sys::FileLock lock, bool created)
      : path_(std::move(path)), fd_(std::move(fd)), lock_(std::move(lock)), created_(created) {}
  std::string path_;
  UniqueFd fd_;
  sys::FileLock lock_;
  bool created_;
};

class CacheMounts {
 public:
  explicit CacheMounts(StoreContext& context) : context_(context) {}

  // In the build's user namespace (uid and gid are its). Never blocks: kBusy if the directory is in use in a
  // way that excludes this one; try again when a step has ended, or after a moment if another process holds
  // it.
  Result<CacheMount> try_acquire(const CacheMountRequest& request);
  // Waits.
  Result<CacheMount> acquire(const CacheMountRequest& request);

 private:
  Result<CacheMount> acquire_named(const CacheMountRequest& request, const std::string& name, bool exclusive,
                                   bool wait);
  StoreContext& context_;
};

}  // namespace shale::store
