// SPDX-License-Identifier: Apache-2.0
// BuildLease: a running build's own directory and its hold on layers and blobs. WorkDirectory: a place for
// one layer in the making.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/unique_fd.h"
#include "shale/digest.h"
#include "sys/lock.h"

namespace shale::store {

class Store;
struct StoreContext;

// `wrapper` belongs to the user, whatever ids own what is in fs: so it can always be renamed. Plain data;
// what is not published goes to the trash with its build.
struct WorkDirectory {
  std::string wrapper;  // relative to the store's root: "builds/<id>/<n>"
  UniqueFd fs;          // the directory wrapper/fs (O_RDONLY), empty at first
  [[nodiscard]] std::string fs_path() const { return wrapper + "/fs"; }
  [[nodiscard]] std::string manifest_path() const { return wrapper + "/manifest"; }
  // Overlay's scratch directory, beside the wrapper; made by mount_writable(), used for one mount only.
  [[nodiscard]] std::string work_path() const { return wrapper + ".work"; }
  // Where kernels without detached overlay mounts attach it for a moment; made when needed.
  [[nodiscard]] std::string mount_path() const { return wrapper + ".mnt"; }
};

// Alive as long as its lock is held, that is until finish() or the death of the process and of all its
// clones. It keeps descriptors only, so it may live across a clone; the Store given to each call must belong
// to the calling process.
class BuildLease {
 public:
  static Result<BuildLease> create(Store& store);

  // For a clone in a mount namespace of its own, before anything else: what it makes here and what it opens
  // by the store's name lie on one mount from then on. The kernel makes no hard link from one mount to
  // another, even of one file system.
  Status reopen(Store& store);

  [[nodiscard]] const std::string& id() const { return id_; }
  // Relative to the store's root: "builds/<id>"; also a place for the build's own temporary files.
  [[nodiscard]] std::string path() const { return "builds/" + id_; }
  [[nodiscard]] int fd() const { return directory_.get(); }

  // From any thread of one process; two processes of one build must not both call it.
  Result<WorkDirectory> new_directory();
  // Where a kernel without detached overlay mounts can attach one for a moment: a name that is free, relative
  // to the store's root. From any thread.
  [[nodiscard]] std::string new_mount_path();
  // Gives one back that will not be published.
  Status discard(Store& store, WorkDirectory directory);

  // Nobody removes these while the build lives. kNotFound if one is gone already: then it was a miss.
  Status hold_layers(Store& store, std::span<const std::string> ids);
  Status hold_blobs(Store& store, std::span<const Digest> digests);

  // Gives up all holds and moves the build's directory to the trash.
  Status finish(Store& store);

 private:
  BuildLease(std::string id, UniqueFd directory, sys::FileLock lock);
  std::string id_;
  UniqueFd directory_;
  sys::FileLock lock_;
  struct Counter;
  std::shared_ptr<Counter> counter_;
};

// Moves the directories of dead builds to the trash and drops their holds; removes those of dead probes. Part
// of opening a store.
Status sweep_dead_builds(StoreContext& context);

}  // namespace shale::store
