// SPDX-License-Identifier: Apache-2.0
// MemoryUppers: upper directories in memory, for a store whose file system can hold overlayfs's layers but
// cannot be written to through it: an overlayfs, as in a container without a volume, or NFS.
#pragma once

#include <cstdint>
#include <string>

#include "store/lease.h"

namespace shale::store {

class Store;

// Bytes that may be kept in memory without taking it from what runs: half of what is free here and in the
// container.
std::uint64_t spare_memory();

// A tmpfs in a directory of the build, mounted in the caller's mount namespace, which is private; it goes
// with that, or with this. One thread at a time.
class MemoryUppers {
 public:
  MemoryUppers(MemoryUppers&&) = default;
  MemoryUppers& operator=(MemoryUppers&&) = delete;
  ~MemoryUppers();

  // At most `bytes`, 1 or more; they are taken as they are written to.
  static Result<MemoryUppers> mount(Store& store, BuildLease& lease, std::uint64_t bytes);

  // To be given to mount_writable() and then copied to where a layer can be made of it (layer/upper_copy.h).
  Result<WorkDirectory> new_directory();
  // Gives its memory back. From any thread.
  static void discard(Store& store, WorkDirectory directory);
  // Something that was written lately may not have fitted.
  [[nodiscard]] bool full() const;

 private:
  MemoryUppers(std::string path, std::string place, UniqueFd top)
      : path_(std::move(path)), place_(std::move(place)), top_(std::move(top)) {}
  std::string path_;   // relative to the store's root
  std::string place_;  // absolute
  UniqueFd top_;       // of the tmpfs
  unsigned next_ = 0;
};

}  // namespace shale::store
