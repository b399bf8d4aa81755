// SPDX-License-Identifier: Apache-2.0
// Store: the directory in which everything lives that outlasts a build. One store belongs to one user; any
// number of processes share it. SQLite is the only truth about what it holds; files come and go by rename.
//
//   version          text: the layout's number
//   db.sqlite        images, tags, layers, cache records, leases
//   blobs/sha256/    compressed layers, by digest
//   layers/<id>/     fs + manifest, immutable
//   cache-mounts/    directories of RUN --mount=type=cache
//   builds/<id>/     what running builds make; locked, swept when the lock is free
//   statcache/       digests of context files by stat
//   trash/           to be removed in small portions
//   empty/           an empty directory: the layer below the first one
//   logs/<id>/       what commands of the latest builds said
//   reserve          a mebibyte for the day on which no space is left
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "shale/digest.h"

namespace shale::store {

class Blobs;
class BuildLease;
class CacheMounts;
class CacheRecords;
class Database;
class Images;
class Layers;

struct StoreOptions {
  std::chrono::milliseconds busy_timeout{10'000};  // how long to wait for another process's write
};

struct TrashResult {
  std::uint64_t removed = 0;  // entries
  std::uint64_t left =
      0;  // not removed: out of time, or owned by ids that only the build's namespace can remove
};

struct GcOptions {
  // Cache records and cache mounts not used for so long, and images without a name that were made before
  // that, are dropped first, with what only they held. 0 = all; none = only what nothing holds is removed.
  std::optional<std::chrono::seconds> unused_for;
};
struct GcResult {
  std::uint64_t layers = 0;  // directories removed
  std::uint64_t blobs = 0;
  std::uint64_t bytes = 0;  // of both
  std::uint64_t cache_records = 0;
  std::uint64_t images = 0;
  std::uint64_t cache_mounts = 0;
};

// An open store. Move-only. Its functions and those of its parts may be called from any thread; database
// calls take turns. It must be closed before the process clones itself, and opened anew on each side:
// database locks belong to a process id.
class Store {
 public:
  // Makes the directory (0700, parents as needed) if it is missing. Refuses one that belongs to somebody
  // else, that others can enter, that holds something else, or that a newer Shale made. Moves what dead
  // builds left to the trash. After a reboot, everything that was not yet safely on disk is dropped first.
  // Where no space is left for any of that, what the store keeps in reserve is used.
  static Result<Store> open(const std::string& root, const StoreOptions& options = {});
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();
  // Writes what was put off (the use times of cache records), then closes. Without it only those are lost.
  Status close();

  [[nodiscard]] const std::string& root() const;  // absolute
  // Directories, open as long as the store is.
  [[nodiscard]] int root_fd() const;
  [[nodiscard]] int builds_fd() const;

  [[nodiscard]] Database& database();
  [[nodiscard]] Blobs& blobs();
  [[nodiscard]] Layers& layers();
  [[nodiscard]] Images& images();
  [[nodiscard]] CacheRecords& cache();
  [[nodiscard]] CacheMounts& cache_mounts();

  // Everything published so far, by whomever, survives a power cut once this returns. One syncfs, and none if
  // there is nothing new; Images::put does it by itself. If the disk reports an error, what was not yet safe
  // is given up: it is dropped at the next boot.
  Status sync();

  // Moves `path` (relative to the root) to the trash. Missing is fine. The moved directory's own owner must
  // be the user's: that is what wrappers are for.
  Status discard(const std::string& path);
  // Removes trash until it is empty or `budget` has passed (checked between entries). What belongs to
  // subordinate ids goes only when called in the build's user namespace. Does nothing while another process
  // is at it.
  Result<TrashResult> empty_trash(std::chrono::milliseconds budget);

  // Removes layers and blobs that no image, cache record or running build holds. Where no space is left for
  // that, what the store keeps in reserve is used.
  Result<GcResult> collect_garbage(const GcOptions& options = {});

  // Does `work`, which removes something, and once more with what the store keeps in reserve if there is no
  // space left.
  Status with_reserve(const std::function<Status()>& work);

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace shale::store
