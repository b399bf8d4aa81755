// SPDX-License-Identifier: Apache-2.0
// Layers of files from the network: a repository's checkout, a download. They stand on nothing.
#pragma once

#include <optional>
#include <string>

#include "build/build_state.h"
#include "store/layers.h"

namespace shale::build {

// Repositories are asked and fetched outside of the build's namespace, where ssh, credential helpers and the
// user's configuration of git work: before the cache is looked at, which commit each needed GitOp of the plan
// means; after it, the files of those that were not found there. Each is a step that is shown.
Status resolve_repositories(BuildState& state, EventSink& events, StepId& next_step);
Status fetch_repositories(BuildState& state, EventSink& events, StepId& next_step);

// Inside, on any thread: the files that fetch_repositories() brought.
Result<store::LayerRecord> make_repository_layer(BuildState& state, plan::NodeId id);

struct HttpInputs {
  const plan::HttpOp* op = nullptr;
  std::string etag;                           // of `earlier`; empty = fetch it in any case
  std::optional<store::LayerRecord> earlier;  // what the same address gave before
};
// Inside, on any thread. `etag` gets the server's for what the layer holds.
Result<store::LayerRecord> make_http_layer(BuildState& state, const HttpInputs& inputs, std::string& etag);

}  // namespace shale::build
