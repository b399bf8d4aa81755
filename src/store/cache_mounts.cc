// SPDX-License-Identifier: Apache-2.0
#include "store/cache_mounts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "layer/owner_encoding.h"
#include "store/context.h"
#include "sys/files.h"

namespace shale::store {

namespace {

using Mode = sys::FileLock::Mode;

// Copies of one private mount in use at once; beyond that something is wrong.
constexpr int kMaxCopies = 1000;

// Ids are any text; a hash makes a name of it. What one-id builds leave there others do not understand, and
// the other way round.
std::string name_of(const CacheMountRequest& request) {
  const std::string_view kind =
      request.owners == layer::OwnerEncoding::kAttributes ? layer::kSingleEncoding : "";
  constexpr char kEnd = '\0';  // in no id and no kind
  std::string text = request.id;
  if (!kind.empty()) text.append(1, kEnd).append(kind);
  if (!request.variant.empty()) text.append(2, kEnd).append(request.variant);
  return Digest::of(text).hex().substr(0, 32);
}

// Made beside its place and renamed, so that a half-filled one is never seen. The caller holds the exclusive
// lock.
Status make(StoreContext& context, const std::string& name, const CacheMountRequest& request) {
  const int mounts = context.cache_mounts.get();
  const std::string unfinished = name + ".new";
  RETURN_IF_ERROR(move_to_trash(context, "cache-mounts/" + unfinished));  // of a killed process
  RETURN_IF_ERROR(sys::make_dir(mounts, unfinished, 0700));
  RETURN_IF_ERROR(sys::make_dir(mounts, unfinished + "/fs", 0700));
  ASSIGN_OR_RETURN(const UniqueFd fs,
                   sys::open_at(mounts, unfinished + "/fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  Status filled = request.populate ? request.populate(fs.get()) : Status();
  if (filled) {
    layer::Entry owner;
    owner.uid = request.uid;
    owner.gid = request.gid;
    filled = layer::give_to_owner(request.owners, fs.get(), owner);
    if (!filled)
      filled =
          fail(std::move(filled.error()).context(fmt::format("making the cache mount '{}'", request.id)));
  }
  if (filled && ::fchmod(fs.get(), request.mode & 07777) != 0)
    filled = fail_errno(errno, fmt::format("set the mode of the cache mount '{}'", request.id));
  if (filled && ::renameat(mounts, unfinished.c_str(), mounts, name.c_str()) != 0)
    filled = fail_errno(errno, fmt::format("make the cache mount '{}'", request.id));
  if (!filled)
    (void)move_to_trash(context, "cache-mounts/" + unfinished);  // the first error is the one to report
  return filled;
}

}  // namespace

Result<CacheMount> CacheMounts::acquire_named(const CacheMountRequest& request, const std::string& name,
                                              bool exclusive, bool wait) {
  const int mounts = context_.cache_mounts.get();
  const std::string lock_name = name + ".lock";
  const auto lock_as = [&](Mode mode) {
    return wait ? sys::FileLock::acquire(mounts, lock_name, mode)
                : sys::FileLock::try_acquire(mounts, lock_name, mode);
  };
  bool created = false;
  ASSIGN_OR_RETURN(sys::FileLock lock, lock_as(exclusive ? Mode::kExclusive : Mode::kShared));
  if (!sys::exists_at(mounts, name + "/fs")) {
    if (!exclusive) {
      lock = {};
      ASSIGN_OR_RETURN(lock, lock_as(Mode::kExclusive));
    }
    if (!sys::exists_at(mounts, name + "/fs")) {  // another one may have made it while the lock was down
      RETURN_IF_ERROR(make(context_, name, request));
      created = true;
    }
    // Turning a lock of one's own into a shared one never waits.
    if (!exclusive && ::flock(lock.fd(), LOCK_SH) != 0)
      return fail_errno(errno, "share the lock of a cache mount");
  }
  ASSIGN_OR_RETURN(UniqueFd fs, sys::open_at(mounts, name + "/fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const std::int64_t now = now_seconds();
  RETURN_IF_ERROR(
      context_.database->run("INSERT INTO cache_mounts (name, id, created, last_used) VALUES (?1, ?2, ?3, ?3)"
                             " ON CONFLICT (name) DO UPDATE SET last_used = ?3",
                             std::string_view(name), std::string_view(request.id), now));
  return CacheMount(fmt::format("cache-mounts/{}/fs", name), std::move(fs), std::move(lock), created);
}

Result<CacheMount> CacheMounts::try_acquire(const CacheMountRequest& request) {
  const std::string name = name_of(request);
  if (request.sharing != CacheMountSharing::kPrivate)
    return acquire_named(request, name, request.sharing == CacheMountSharing::kLocked, false);
  for (int copy = 0; copy < kMaxCopies; ++copy) {
    const std::string copy_name = copy == 0 ? name : fmt::format("{}-{}", name, copy);
    Result<CacheMount> mount = acquire_named(request, copy_name, true, false);
    if (mount || mount.error().kind() != ErrorKind::kBusy) return mount;
  }
  return fail(ErrorKind::kBusy,
              fmt::format("{} copies of the cache mount '{}' are in use", kMaxCopies, request.id));
}

Result<CacheMount> CacheMounts::acquire(const CacheMountRequest& request) {
  if (request.sharing == CacheMountSharing::kPrivate) return try_acquire(request);
  return acquire_named(request, name_of(request), request.sharing == CacheMountSharing::kLocked, true);
}

}  // namespace shale::store
