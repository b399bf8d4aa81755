// SPDX-License-Identifier: Apache-2.0
// ImageResolver: from the references a plan needs to configs: the store's images, else the registry's.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "build/build_state.h"
#include "plan/planner.h"
#include "registry/pull.h"

namespace shale::build {

// Runs outside of the build's namespace: credential helpers see the user as who they are. Pulls it starts go
// on downloading while the build is planned; their events are read inside (registry::FetchProcess).
class ImageResolver {
 public:
  enum class Layers : bool { kLeave, kFetch };  // kLeave: only configs are wanted
  ImageResolver(store::Store& store, bool always_ask, EventSink& events, StepId& next_step,
                Layers layers = Layers::kFetch)
      : store_(store), always_ask_(always_ask), events_(events), next_step_(next_step), layers_(layers) {}

  // All at once: what the store lacks is asked for in parallel.
  Status resolve(const std::vector<plan::ImageNeed>& needs);

  // Resolves what the planner needs and tells it. An error shows its line of `text`, the Dockerfile.
  Status provide(plan::Planner& planner, const std::vector<plan::ImageNeed>& needs, const std::string& text);

  using Key = std::pair<std::string, std::string>;
  [[nodiscard]] const std::map<Key, BaseImage>& images() const { return images_; }
  [[nodiscard]] std::vector<registry::PullProcess>& pulls() { return pulls_; }

 private:
  struct Pending {
    plan::ImageNeed need;
    image::ImageRef reference;
    std::size_t pull = 0;
    StepId step = 0;
    std::chrono::steady_clock::time_point started;
  };
  Result<bool> find_local(const plan::ImageNeed& need);
  Status read_layout(const plan::ImageNeed& need);
  Status await(const Pending& pending);

  store::Store& store_;
  bool always_ask_;
  EventSink& events_;
  StepId& next_step_;
  Layers layers_;
  std::map<Key, BaseImage> images_;
  std::vector<registry::PullProcess> pulls_;
};

// Takes the blobs of layers that images of OCI layouts need and the store lacks. After the cache was looked
// at; opens the lease if there are any.
Status take_layout_layers(BuildState& state);

}  // namespace shale::build
