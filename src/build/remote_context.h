// SPDX-License-Identifier: Apache-2.0
// RemoteContext: a build context that is no directory of the user's: a repository, an archive or a Dockerfile
// from the network, or what comes through standard input. It becomes a directory of the build's own.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "build/build_state.h"
#include "layer/manifest.h"
#include "shale/events.h"

namespace shale::build {

struct RemoteContext {
  store::WorkDirectory directory;  // what COPY reads from is its fs
  // Of an archive: its entries, with owners that the files on disk do not have.
  std::shared_ptr<const layer::LayerManifest> manifest;
  // What came was a Dockerfile and nothing else; `directory` is empty then.
  std::optional<std::string> dockerfile;
  // Seconds since 1970: of the commit, or when the server last changed the file.
  std::optional<std::int64_t> time;
};

// A directory of that name is one; otherwise "-" and addresses are not.
bool is_remote_context(const std::string& context);

// Fetches it into the build's directory in the store (`state.store` and `state.lease` are open), as a step
// of its own. Outside of the build's namespace.
Result<RemoteContext> fetch_context(BuildState& state, EventSink& events, StepId step);

// The text of --file https://…
Result<std::string> fetch_dockerfile(BuildState& state, const std::string& url, EventSink& events,
                                     StepId step);

}  // namespace shale::build
