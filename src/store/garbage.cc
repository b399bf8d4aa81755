// SPDX-License-Identifier: Apache-2.0
#include "store/garbage.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "store/lease.h"
#include "store/recovery.h"
#include "sys/files.h"
#include "sys/lock.h"

namespace shale::store {

namespace {

// Names one row of each and what it weighs.
struct Unused {
  std::string name;
  std::uint64_t bytes;
};

Result<std::vector<Unused>> unused(Database& database, std::string_view sql) {
  std::vector<Unused> found;
  ASSIGN_OR_RETURN(Statement statement, database.prepare(sql));
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, statement.step());
    if (!row) return found;
    found.push_back({statement.text(0), static_cast<std::uint64_t>(statement.integer(1))});
  }
}

constexpr std::string_view kUnusedLayers =
    "SELECT id, content_bytes FROM layers WHERE diff_id NOT IN (SELECT diff_id FROM image_layers)"
    " AND id NOT IN (SELECT layer FROM cache_layers)"
    " AND id NOT IN (SELECT name FROM leases WHERE kind = 'layer')";
// A blob is worth keeping as long as its layer is: pushing it again costs nothing then.
constexpr std::string_view kUnusedBlobs =
    "SELECT digest, size FROM blobs WHERE digest NOT IN"
    " (SELECT digest FROM layer_blobs WHERE diff_id IN (SELECT diff_id FROM image_layers)"
    "  OR diff_id IN (SELECT diff_id FROM layers))"
    " AND digest NOT IN (SELECT name FROM leases WHERE kind = 'blob')";

// Cache mounts that no step has now: whoever takes one holds its lock.
Status drop_cache_mounts(StoreContext& context, std::int64_t before, GcResult& result) {
  std::vector<std::string> names;
  {
    ASSIGN_OR_RETURN(Statement statement,
                     context.database->prepare("SELECT name FROM cache_mounts WHERE last_used <= ?"));
    statement.bind(before);
    for (;;) {
      ASSIGN_OR_RETURN(const bool row, statement.step());
      if (!row) break;
      names.push_back(statement.text(0));
    }
  }
  for (const std::string& name : names) {
    const Result<sys::FileLock> lock = sys::FileLock::try_acquire(context.cache_mounts.get(), name + ".lock",
                                                                  sys::FileLock::Mode::kExclusive);
    if (!lock) continue;
    RETURN_IF_ERROR(move_to_trash(context, "cache-mounts/" + name));
    RETURN_IF_ERROR(context.database->run("DELETE FROM cache_mounts WHERE name = ?", std::string_view(name)));
    ++result.cache_mounts;
  }
  return {};
}

// What was last of use at `before` (seconds since 1970) or earlier. Within a transaction.
Status drop_unused(StoreContext& context, std::int64_t before, GcResult& result) {
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  Database& database = *context.database;
  RETURN_IF_ERROR(database.run("DELETE FROM cache_records WHERE last_used <= ?", before));
  result.cache_records = static_cast<std::uint64_t>(database.changed_rows());
  RETURN_IF_ERROR(database.run("DELETE FROM cache_links WHERE created <= ?", before));
  RETURN_IF_ERROR(
      database.run("DELETE FROM images WHERE id NOT IN (SELECT image FROM tags) AND created / ? <= ?",
                   kNanoseconds, before));
  result.images = static_cast<std::uint64_t>(database.changed_rows());
  RETURN_IF_ERROR(database.run("DELETE FROM image_layers WHERE image NOT IN (SELECT id FROM images)"));
  return drop_cache_mounts(context, before, result);
}

}  // namespace

Result<TrashResult> remove_trash(StoreContext& context, std::chrono::milliseconds budget) {
  TrashResult result;
  Result<sys::FileLock> lock =
      sys::FileLock::try_acquire(context.root.get(), "trash.lock", sys::FileLock::Mode::kExclusive);
  if (!lock) {
    if (lock.error().kind() == ErrorKind::kBusy) return result;
    return fail(std::move(lock.error()));
  }
  const auto end = std::chrono::steady_clock::now() + budget;
  ASSIGN_OR_RETURN(const std::vector<std::string> names, sys::list_dir(context.trash.get()));
  for (const std::string& name : names) {
    if (std::chrono::steady_clock::now() >= end) {
      ++result.left;
      continue;
    }
    const Status removed = sys::remove_tree(context.trash.get(), name);
    if (removed) {
      ++result.removed;
    } else if (removed.error().kind() == ErrorKind::kPermission) {
      ++result.left;  // subordinate ids: only in their namespace
    } else {
      return fail(Error(removed.error()).context("emptying the store's trash"));
    }
  }
  return result;
}

Result<GcResult> remove_garbage(StoreContext& context, const GcOptions& options) {
  RETURN_IF_ERROR(sweep_dead_builds(context));
  Database& database = *context.database;
  GcResult result;
  {
    ASSIGN_OR_RETURN(Transaction transaction, database.begin());
    if (options.unused_for)
      RETURN_IF_ERROR(drop_unused(context, now_seconds() - options.unused_for->count(), result));
    ASSIGN_OR_RETURN(const std::vector<Unused> layers, unused(database, kUnusedLayers));
    for (const Unused& layer : layers) {
      RETURN_IF_ERROR(database.run("DELETE FROM layers WHERE id = ?", std::string_view(layer.name)));
      ++result.layers;
      result.bytes += layer.bytes;
    }
    ASSIGN_OR_RETURN(const std::vector<Unused> blobs, unused(database, kUnusedBlobs));
    for (const Unused& blob : blobs) {
      // The file goes before the row is gone for good: dying here leaves a row without a file, which
      // Blobs::has() does not believe. The other order would leave a file nobody knows.
      if (::unlinkat(context.blobs.get(), blob.name.c_str(), 0) != 0 && errno != ENOENT)
        return fail_errno(errno, fmt::format("remove the blob '{}'", blob.name));
      RETURN_IF_ERROR(database.run("DELETE FROM blobs WHERE digest = ?", std::string_view(blob.name)));
      ++result.blobs;
      result.bytes += blob.bytes;
    }
    RETURN_IF_ERROR(
        database.run("DELETE FROM layer_blobs WHERE diff_id NOT IN (SELECT diff_id FROM image_layers)"
                     " AND diff_id NOT IN (SELECT diff_id FROM layers)"
                     " AND digest NOT IN (SELECT name FROM leases WHERE kind = 'blob')"));
    RETURN_IF_ERROR(transaction.commit());
  }
  // Directories after their rows: dying in between leaves directories that the next sweep finds.
  RETURN_IF_ERROR(sweep_unrecorded_layers(context));
  return result;
}

}  // namespace shale::store
