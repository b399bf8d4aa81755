// SPDX-License-Identifier: Apache-2.0
#include "store/lease.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <vector>

#include "runtime/scratch.h"
#include "store/context.h"
#include "store/database.h"
#include "store/store.h"
#include "sys/files.h"
#include "sys/random_name.h"

namespace shale::store {

namespace {

// Held shared while a build's directory exists but is not yet locked, exclusively while dead ones are looked
// for.
constexpr const char* kBuildsLock = "builds.lock";
constexpr const char* kLock = "lock";
using Mode = sys::FileLock::Mode;

Status hold_rows(Store& store, const std::string& build, std::string_view kind, std::string_view exists_sql,
                 std::string_view what, std::span<const std::string> names) {
  if (names.empty()) return {};
  Database& database = store.database();
  ASSIGN_OR_RETURN(Transaction transaction, database.begin());
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(Statement exists, database.prepare(exists_sql));
    exists.bind(std::string_view(name));
    ASSIGN_OR_RETURN(const bool there, exists.step());
    if (!there) return fail(ErrorKind::kNotFound, fmt::format("{} {} is no longer in the store", what, name));
    RETURN_IF_ERROR(database.run("INSERT OR IGNORE INTO leases (build, kind, name) VALUES (?, ?, ?)",
                                 std::string_view(build), kind, std::string_view(name)));
  }
  return transaction.commit();
}

}  // namespace

struct BuildLease::Counter {
  std::atomic<unsigned> next{0};
};

BuildLease::BuildLease(std::string id, UniqueFd directory, sys::FileLock lock)
    : id_(std::move(id)),
      directory_(std::move(directory)),
      lock_(std::move(lock)),
      counter_(std::make_shared<Counter>()) {}

Result<BuildLease> BuildLease::create(Store& store) {
  ASSIGN_OR_RETURN(const sys::FileLock guard,
                   sys::FileLock::acquire(store.root_fd(), kBuildsLock, Mode::kShared));
  std::string id = sys::random_name();
  RETURN_IF_ERROR(sys::make_dir(store.builds_fd(), id, 0700));
  ASSIGN_OR_RETURN(UniqueFd directory, sys::open_at(store.builds_fd(), id, O_RDONLY | O_DIRECTORY));
  ASSIGN_OR_RETURN(sys::FileLock lock, sys::FileLock::try_acquire(directory.get(), kLock, Mode::kExclusive));
  return BuildLease(std::move(id), std::move(directory), std::move(lock));
}

Status BuildLease::reopen(Store& store) {
  ASSIGN_OR_RETURN(directory_, sys::open_at(store.builds_fd(), id_, O_RDONLY | O_DIRECTORY));
  return {};
}

Result<WorkDirectory> BuildLease::new_directory() {
  const std::string name = fmt::format("{}", counter_->next.fetch_add(1));
  RETURN_IF_ERROR(sys::make_dir(directory_.get(), name, 0700));
  // It becomes the root directory of what is built on nothing.
  RETURN_IF_ERROR(sys::make_dir(directory_.get(), name + "/fs", 0755));
  WorkDirectory made{.wrapper = fmt::format("{}/{}", path(), name), .fs = {}};
  ASSIGN_OR_RETURN(made.fs, sys::open_at(directory_.get(), name + "/fs", O_RDONLY | O_DIRECTORY));
  return made;
}

std::string BuildLease::new_mount_path() {
  return fmt::format("{}/{}.mnt", path(), counter_->next.fetch_add(1));
}

Status BuildLease::discard(Store& store, WorkDirectory directory) {
  directory.fs.reset();
  RETURN_IF_ERROR(store.discard(directory.work_path()));
  RETURN_IF_ERROR(store.discard(directory.mount_path()));
  return store.discard(directory.wrapper);
}

Status BuildLease::hold_layers(Store& store, std::span<const std::string> ids) {
  return hold_rows(store, id_, "layer", "SELECT 1 FROM layers WHERE id = ?", "layer", ids);
}

Status BuildLease::hold_blobs(Store& store, std::span<const Digest> digests) {
  std::vector<std::string> names;
  for (const Digest& digest : digests) names.push_back(digest.hex());
  return hold_rows(store, id_, "blob", "SELECT 1 FROM blobs WHERE digest = ?", "blob sha256", names);
}

Status BuildLease::finish(Store& store) {
  RETURN_IF_ERROR(store.database().run("DELETE FROM leases WHERE build = ?", std::string_view(id_)));
  RETURN_IF_ERROR(store.discard(path()));
  directory_.reset();
  lock_ = {};
  return {};
}

Status sweep_dead_builds(StoreContext& context) {
  runtime::sweep_scratches(context.root.get());
  Result<sys::FileLock> guard = sys::FileLock::try_acquire(context.root.get(), kBuildsLock, Mode::kExclusive);
  if (!guard) {
    if (guard.error().kind() == ErrorKind::kBusy)
      return {};  // somebody starts or sweeps: the next open will do it
    return fail(std::move(guard.error()));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> builds, sys::list_dir(context.builds.get()));
  for (const std::string& build : builds) {
    const Result<sys::FileLock> lock =
        sys::FileLock::try_acquire(context.builds.get(), build + "/" + kLock, Mode::kExclusive);
    // Without a lock in it, it is not a build at all, or finish() has moved it away since it was listed. Any
    // other error (no descriptor free) says nothing about it.
    if (!lock && lock.error().errno_value() != ENOENT && lock.error().errno_value() != ENOTDIR) continue;
    RETURN_IF_ERROR(move_to_trash(context, "builds/" + build));
  }
  // A hold without a directory is nobody's. The directory is made before the first hold and goes after the
  // last.
  std::vector<std::string> dead;
  {
    ASSIGN_OR_RETURN(Statement holders, context.database->prepare("SELECT DISTINCT build FROM leases"));
    for (;;) {
      ASSIGN_OR_RETURN(const bool row, holders.step());
      if (!row) break;
      std::string build = holders.text(0);
      if (!sys::exists_at(context.builds.get(), build)) dead.push_back(std::move(build));
    }
  }
  for (const std::string& build : dead)
    RETURN_IF_ERROR(context.database->run("DELETE FROM leases WHERE build = ?", std::string_view(build)));
  return {};
}

}  // namespace shale::store
