// SPDX-License-Identifier: Apache-2.0
// Building an image: the request, and what comes of it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shale/digest.h"
#include "shale/error.h"
#include "shale/events.h"
#include "shale/isolation.h"
#include "shale/run_options.h"

namespace shale {

// One -o. For kLocal, kTar, kOci and kDocker, `destination` is a path, or "-" for standard output (not
// kLocal).
struct OutputSpec {
  enum class Kind : std::uint8_t { kLocal, kTar, kOci, kDocker, kImage, kRegistry, kCacheOnly };
  Kind kind = Kind::kImage;
  std::string destination;
  std::string
      name;  // name= of kImage, kRegistry, kOci, kDocker: tags beside those of the request, with commas
  // Anything else that was written (compression=…, rewrite-timestamp=…); a key nobody knows is an error.
  std::map<std::string, std::string> attributes;
  // What was written and changes nothing, each with its reason, for the user.
  [[nodiscard]] std::vector<std::string> notes() const;

  // "type=oci,dest=x.tar", "DIR" or "-", as docker accepts them.
  static Result<OutputSpec> parse(const std::string& text);
};

// One --secret: from a file or from an environment variable of the caller.
struct SecretSpec {
  std::string id;
  std::string file;         // empty if from the environment
  std::string environment;  // empty if from a file
  static Result<SecretSpec> parse(const std::string& text);
};

// One --ssh: "default", "ID", "ID=SOCKET" or "ID=KEY[,KEY…]".
struct SshSpec {
  std::string id;
  std::vector<std::string> paths;  // an agent's socket, or files with private keys; empty = $SSH_AUTH_SOCK
  static Result<SshSpec> parse(const std::string& text);
};

enum class NetworkMode : std::uint8_t { kDefault, kNone, kHost };

// Everything `shale build` was asked for. Paths are the caller's.
struct BuildRequest {
  std::string store_root;  // empty = the default store (default_store_root())
  std::string context = ".";
  std::string
      dockerfile;  // empty = Dockerfile, dockerfile, Containerfile in the context; "-" = standard input
  std::vector<std::string> tags;
  std::string target;
  std::vector<std::pair<std::string, std::string>>
      build_args;  // in the order given; a bare K has its value already
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::pair<std::string, std::string>>
      build_contexts;  // name → DIR | docker-image://… | oci-layout://…
  std::vector<SecretSpec> secrets;
  std::vector<SshSpec> ssh;
  std::vector<ExtraHost> add_hosts;
  std::vector<Ulimit> ulimits;
  ResourceLimits limits;
  SecurityOptions security;
  std::uint64_t shm_bytes = 0;  // 0 = 64 MiB
  NetworkMode network = NetworkMode::kDefault;
  std::optional<Isolation> isolation;  // empty = the best that works here
  std::string platform;                // empty = the host's
  bool no_cache = false;
  std::vector<std::string> no_cache_filter;  // stages
  bool pull = false;                         // ask the registry even if the image is in the store
  int jobs = 0;                              // RUN steps at a time; 0 = default
  std::vector<OutputSpec> outputs;           // empty = the store only
  std::string iidfile;
  std::string metadata_file;
};

struct BuildResult {
  Digest image_id;                        // digest of the config; empty when nothing but files was asked for
  std::vector<std::string> tags;          // in familiar form
  std::optional<Digest> manifest_digest;  // known after an export or push
  int steps_run = 0;
  int steps_cached = 0;
};

// Builds. Events go to `events`, from one thread at a time; during most of the build that is a cloned
// process, so a sink keeps no thread of its own and its state is not seen by the caller afterwards. Call it
// with no other thread running. SIGINT and SIGTERM cancel: the error is then kCancelled.
Result<BuildResult> run_build(const BuildRequest& request, EventSink& events);

}  // namespace shale
