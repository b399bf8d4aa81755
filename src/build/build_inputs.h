// SPDX-License-Identifier: Apache-2.0
// BuildInputs: where the Dockerfile, the context, named contexts and secrets of a request are.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "build/build_state.h"
#include "dockerfile/ignore.h"
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
};

struct BuildInputs {
  DockerfileText dockerfile;
  ContextDirectory context;
  std::map<std::string, ContextDirectory> named;      // --build-context NAME=DIR
  std::map<std::string, std::string> image_contexts;  // --build-context NAME=docker-image://REF
  std::vector<Secret> secrets;
};

// Opens and reads them. Errors say which option or path, and what to do.
Result<BuildInputs> read_inputs(const BuildRequest& request);

// Walks a context directory for COPY, with the store's stat cache.
Result<std::unique_ptr<ContextTree>> scan_context(const store::Store& store, ContextDirectory directory);

}  // namespace shale::build
