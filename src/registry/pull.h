// SPDX-License-Identifier: Apache-2.0
// Pull: fetch an image from a registry into a directory of blobs, in a helper process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "image/manifest.h"
#include "image/platform.h"
#include "image/reference.h"
#include "registry/fetch_process.h"
#include "registry/options.h"

namespace shale::registry {

struct PullRequest {
  image::ImageRef reference;
  image::Platform platform = image::Platform::host();
  // Where layers go, each under the 64 digits of its digest ("…/blobs/sha256"). A name that exists there is
  // taken to be complete and is not fetched. A blob appears under its name only when its size and digest are
  // right; a killed pull leaves nothing else (or, on a file system without O_TMPFILE, files named
  // "ingest-*").
  std::string blob_directory;
  int parallelism = 6;      // layers at a time
  bool want_layers = true;  // false: only find out what the reference means ("resolve")
  NetworkOptions network;
};

// The first event: what the reference means. The manifest's and the config's bytes are verified against their
// digests. They are handed over here, not written to the blob directory.
struct PullResolved {
  Digest manifest_digest;              // of `manifest_json`
  std::string manifest_json;           // as served, byte for byte
  std::string media_type;              // of the manifest
  std::optional<Digest> index_digest;  // of the index through which the platform was selected
  image::Manifest manifest;            // parsed
  std::string config_json;             // as served; its digest is manifest.config.digest
  std::string source;                  // the registry that answered: "docker.io", or a mirror's address
};
// At most about ten a second for each blob.
struct PullProgress {
  Digest digest;
  std::uint64_t current = 0;  // bytes
  std::uint64_t total = 0;
};
// A layer is complete under its name.
struct PullBlob {
  Digest digest;
  std::uint64_t size = 0;
  bool existed = false;  // it was there before
};
// A sentence for the user that does not stop the pull.
struct PullWarning {
  std::string text;
};
struct PullDone {};

using PullEvent = std::variant<PullResolved, PullProgress, PullBlob, PullWarning, PullDone>;

// See FetchProcess for who may start and who may read. Errors: kNotFound no such image or platform · kNetwork
// the registry cannot be reached · kRegistry it refuses · kCorrupt what it sends is not what the digest says
// · kNoSpace.
class PullProcess {
 public:
  static Result<PullProcess> start(const PullRequest& request);
  // For poll(): readable when next_event() may have something.
  [[nodiscard]] int event_fd() const { return process_.event_fd(); }
  // Never blocks; nullopt = nothing yet. PullDone or an error is the last.
  Result<std::optional<PullEvent>> next_event();
  // Blocks until there is one.
  Result<PullEvent> wait_event();
  [[nodiscard]] bool finished() const { return process_.finished(); }

 private:
  explicit PullProcess(FetchProcess process) : process_(std::move(process)) {}
  FetchProcess process_;
};

// What a reference means now, without fetching layers. Blocks.
Result<PullResolved> resolve(const image::ImageRef& reference, const image::Platform& platform,
                             const NetworkOptions& network = {});

}  // namespace shale::registry
