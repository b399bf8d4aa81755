// SPDX-License-Identifier: Apache-2.0
// ClonePool: the root directories of RUN steps where overlayfs cannot be had. A copy of a whole image is
// dear, so that the one a step leaves behind serves the step that follows it.
#pragma once

#include <atomic>
#include <list>
#include <mutex>
#include <string>
#include <vector>

#include "build/layer_tree.h"
#include "layer/clone.h"
#include "store/lease.h"

namespace shale::build {

// A clone and what it is a copy of.
struct RootClone {
  std::vector<std::string> layers;  // ids, lowest first, without those that change nothing
  store::WorkDirectory directory;   // holds the tree
  std::unique_ptr<layer::Clone> clone;
};

class ClonePool {
 public:
  // A copy of `stack` that is the caller's alone: one that was given back and needs the fewest layers more,
  // else a new one. kCancelled after cancel().
  Result<RootClone> take(store::Store& store, store::BuildLease& lease, const LayerStack& stack);
  // The build ends: copies that are being made are of no use any more.
  void cancel() { cancelled_ = true; }
  [[nodiscard]] const std::atomic<bool>& cancelled() const { return cancelled_; }
  // From any thread.
  void give_back(RootClone clone);
  // Removes those that nobody has taken: what is only moved away still has to reach the disk when the store
  // is synced, a whole image of it.
  void clear(store::Store& store);

 private:
  std::mutex mutex_;
  std::list<RootClone> idle_;  // guarded by mutex_
  std::atomic<bool> cancelled_ = false;
};

// One layer more, as it is in the store; kCancelled when `stop` becomes true.
Status add_layer(store::Store& store, RootClone& root, const store::LayerRecord& layer,
                 const std::atomic<bool>& stop);

// Takes the mount points of `stubs` away that neither `view` nor `made` (the step's layer) has, leaving no
// trace in the times of their directories.
Status remove_stubs(int tree, const layer::LayerManifest& stubs, const layer::SnapshotView& view,
                    const layer::LayerManifest& made);

}  // namespace shale::build
