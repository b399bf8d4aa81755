// SPDX-License-Identifier: Apache-2.0
// StatCache: digests of context files, found by stat instead of reading: one file per context directory,
// loaded in one read, replaced as a whole and only if something changed.
#pragma once

#include <sys/stat.h>
#include <time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shale/digest.h"

namespace shale::store {

class Store;

// Belongs to one thread. Needs no database: it may live across a clone of the process.
class StatCache {
 public:
  // `context_path` absolute. A missing, damaged or foreign file gives an empty cache: it is only a cache.
  // `context_fd` is the context's directory, whose file system decides how exact times are.
  static StatCache load(const Store& store, const std::string& context_path, int context_fd);

  // The digest of a file with exactly this device, inode, size, mtime, ctime and mode. For looking things up
  // only: what is copied is hashed again while it is read.
  [[nodiscard]] std::optional<Digest> find(const struct stat& info);

  // Take it before opening the file that is hashed.
  static struct timespec now();
  // Remembers a digest. A file changed so shortly before `started` that a further change might leave the same
  // times behind (git's racy rule) is not remembered; it is hashed again next time.
  void put(const struct stat& info, const Digest& digest, const struct timespec& started);

  // Writes if a put() changed something, or if most entries were not asked for.
  Status save(const Store& store);
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::uint64_t device;
    std::uint64_t inode;
    std::uint64_t size;
    std::int64_t mtime_ns;
    std::int64_t ctime_ns;
    std::uint32_t mode;
    std::uint32_t reserved;  // 0
    Digest::Bytes digest;
  };
  [[nodiscard]] std::size_t slot_of(std::uint64_t device, std::uint64_t inode) const;
  void reindex();
  static bool describes(const Entry& entry, const struct stat& info);

  std::string file_;  // relative to the store's root
  std::int64_t granule_ns_ = 0;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> slots_;  // open addressing; index + 1, 0 = free
  std::vector<bool> seen_;
  std::size_t seen_count_ = 0;
  bool changed_ = false;
};

}  // namespace shale::store
