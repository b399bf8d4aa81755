// SPDX-License-Identifier: Apache-2.0
// BuildInputs: where the Dockerfile, the context, named contexts and secrets of a request are.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "build/build_state.h"
#include "dockerfile/ignore.h"
#include "layer/manifest.h"
#include "plan/planner.h"
#include "shale/build.h"

namespace shale::build {

struct DockerfileText {
  std::string name;  // as shown: "Dockerfile", "-", "docker/app.Dockerfile"
  std::string text;
};

struct ContextDirectory {
  std::string path;  // absolute
  UniqueFd directory;
  dockerfile::IgnoreMatcher ignore;
  // Made for this build: nothing in it is known from an earlier one, and no name in it may lead out of it.
  bool own = false;
  std::shared_ptr<const layer::LayerManifest> manifest;  // of an unpacked archive
};

struct BuildInputs {
  DockerfileText dockerfile;
  ContextDirectory context;
  std::map<std::string, ContextDirectory> named;  // --build-context NAME=DIR
  // --build-context NAME=docker-image://REF, NAME=oci-layout://DIR (with this prefix)
  std::map<std::string, std::string> image_contexts;
  // --build-context NAME=ADDRESS of a repository or a file
  std::map<std::string, plan::RemoteOp> remote_contexts;
  std::optional<std::int64_t> context_time;  // of a context from the network: seconds since 1970
};

// Opens and reads what state.request names; the secrets go to state.secrets. A context or Dockerfile that
// comes from the network or from standard input is fetched into the build's directory: only then is the store
// opened. Errors say which option or path, and what to do.
Result<BuildInputs> read_inputs(BuildState& state, EventSink& events, StepId& next_step);

// Walks a context directory for COPY, with the store's stat cache.
Result<std::unique_ptr<ContextTree>> scan_context(const store::Store& store, ContextDirectory directory);

}  // namespace shale::build
