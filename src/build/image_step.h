// SPDX-License-Identifier: Apache-2.0
// ImageStep: the layers of one base image, unpacked while they arrive.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "build/build_state.h"
#include "export/unpack_image.h"
#include "registry/pull.h"

namespace shale::build {

// Driven by the loop: watch fds(), call advance() when one is readable, until done().
class ImageStep {
 public:
  // `pull` is null when every blob is in the store. Both outlive the step.
  ImageStep(BuildState& state, plan::NodeId node, BaseImage& image, registry::PullProcess* pull)
      : state_(state), node_(node), image_(image), pull_(pull) {}

  Status start();
  [[nodiscard]] std::vector<int> fds() const;
  // Takes in what there is; progress goes to `events` under `step`.
  Status advance(EventSink& events, StepId step);
  [[nodiscard]] bool done() const {
    return unpacker_ && unpacker_->done() && (pull_ == nullptr || pull_done_);
  }
  // Records the image under its name (a pulled one) and the layers in the node's state.
  Status finish();

 private:
  Status read_pull(EventSink& events, StepId step);
  [[nodiscard]] bool has_blob(std::size_t layer) const;

  BuildState& state_;
  plan::NodeId node_;
  BaseImage& image_;
  registry::PullProcess* pull_;
  std::optional<exporter::ImageUnpacker> unpacker_;
  bool pull_done_ = false;
};

}  // namespace shale::build
