// SPDX-License-Identifier: Apache-2.0
// What a build would do, told without doing it: lint, the parameters of a target, the targets of a file.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "shale/build.h"
#include "shale/error.h"
#include "shale/events.h"

namespace shale {

// The file that spans of a report point into.
struct SourceText {
  std::string name;  // as shown
  std::string text;
};

struct CheckReport {
  SourceText source;
  std::vector<Warning> warnings;  // each with a rule, in the order of lines
  std::optional<Error> error;     // what would have ended the build before its first step
};

// Looks at a build as run_build() would until its first step. Reads the configs of base images (from the
// store, else from the registry), none of their layers; writes nothing. What is wrong with the Dockerfile is
// in the report; an error is what is wrong with the request. Events tell of what is fetched.
Result<CheckReport> check_build(const BuildRequest& request, EventSink& events);

struct OutlineArgument {
  std::string name;
  std::string description;  // from a comment "# NAME description" above the ARG
  std::string value;        // with --build-arg and defaults applied; empty = none
  SourceSpan span;
};
// A secret, an ssh agent or a cache that some RUN mounts.
struct OutlineMount {
  std::string id;
  bool required = false;  // never for a cache
  SourceSpan span;
};
struct Outline {
  SourceText source;
  std::string name;  // the target; empty for an unnamed one
  std::string description;
  std::vector<OutlineArgument> arguments;  // each name once, in the order of lines; likewise below
  std::vector<OutlineMount> secrets;
  std::vector<OutlineMount> ssh;
  std::vector<OutlineMount> caches;
};

// What the target of a request takes from outside. Asks no registry.
Result<Outline> outline_build(const BuildRequest& request, EventSink& events);

struct TargetInfo {
  std::string name;  // empty for an unnamed stage
  bool is_default = false;
  std::string description;
  std::string base;      // as written
  std::string platform;  // as written
  SourceSpan span;
};
struct TargetList {
  SourceText source;
  std::vector<TargetInfo> targets;  // in the order of the file
};
Result<TargetList> list_targets(const BuildRequest& request, EventSink& events);

// In the form of docker buildx's "--call=…,format=json", with a newline at the end.
std::string to_json(const CheckReport& report);
std::string to_json(const Outline& outline);
std::string to_json(const TargetList& list);

}  // namespace shale
