// SPDX-License-Identifier: Apache-2.0
// RunRoot: the root directory of a RUN step, from its layers to the layer it becomes: an overlay mount, whose
// upper directory lies in the store or in memory, or a copy where that cannot be had.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "build/build_state.h"
#include "build/clone_pool.h"
#include "build/copy_plan.h"
#include "layer/diff.h"

namespace shale::build {

// In this order; make() on the loop's thread unless the snapshotter is kClone, the rest on any.
class RunRoot {
 public:
  // `view` is that of `below` and outlives this.
  RunRoot(BuildState& state, LayerStack below, const layer::SnapshotView& view, Snapshotter snapshotter)
      : state_(state), below_(std::move(below)), view_(view), snapshotter_(snapshotter) {}

  // The descriptor for SandboxSpec::root_fd. `mount_points` will have something mounted on them: whatever
  // that is, nothing of it can be left in the step's layer. `kept` stays in the layer.
  Result<UniqueFd> make(const CopyPlan& mount_points, const CopyPlan& kept);

  // The step has made no file and removed none. publish() then takes less time than to wake somebody for it.
  [[nodiscard]] bool untouched() const;
  // What the step has written, as a layer. `owners` are those of what carries none in this encoding.
  Result<store::LayerRecord> publish(layer::OwnersBeside owners);
  // Gives everything back that publish() did not take.
  void discard();

 private:
  Result<UniqueFd> make_clone(const CopyPlan& mount_points, const CopyPlan& kept);
  Result<store::LayerRecord> publish_clone(layer::OwnersBeside owners);
  Status write_mount_points(const CopyPlan& stubs, const store::WorkDirectory& directory);
  Result<std::string> shared_mount_points(const CopyPlan& stubs);

  BuildState& state_;
  LayerStack below_;
  const layer::SnapshotView& view_;
  Snapshotter snapshotter_;
  store::WorkDirectory directory_;  // of the layer
  std::optional<store::WorkDirectory> in_memory_;
  std::optional<RootClone> clone_;
  std::shared_ptr<const layer::LayerManifest> stubs_;  // of the clone; null = none
};

}  // namespace shale::build
