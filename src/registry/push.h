// SPDX-License-Identifier: Apache-2.0
// Push: send blobs and a manifest to a registry, in a helper process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "image/reference.h"
#include "registry/fetch_process.h"
#include "registry/options.h"
#include "shale/digest.h"

namespace shale::registry {

struct PushBlob {
  Digest digest;
  std::uint64_t size = 0;  // bytes
  std::string path;  // a regular file with exactly these bytes; they are hashed again while they are sent
};

// A manifest that is stored by digest before the main one (the members of an index).
struct PushManifest {
  std::string json;
  std::string media_type;
};

struct PushRequest {
  image::ImageRef reference;           // registry, repository and the first tag
  std::vector<std::string> more_tags;  // further tags in the same repository
  PushManifest manifest;
  std::vector<PushManifest> children;
  std::vector<PushBlob> blobs;  // the config among them
  // Repositories of the same registry that may hold some of the blobs ("library/debian"): tried before
  // uploading.
  std::vector<std::string> mount_from;
  int parallelism = 4;
  NetworkOptions network;
};

struct PushProgress {
  Digest digest;
  std::uint64_t current = 0;  // bytes
  std::uint64_t total = 0;
};
struct PushBlobDone {
  Digest digest;
  enum class How : std::uint8_t { kUploaded, kExisted, kMounted } how = How::kUploaded;
};
struct PushWarning {
  std::string text;
};
// The last event: the manifest is there under every tag.
struct PushDone {
  Digest manifest_digest;
};

using PushEvent = std::variant<PushProgress, PushBlobDone, PushWarning, PushDone>;

// See FetchProcess for who may start and who may read.
class PushProcess {
 public:
  static Result<PushProcess> start(const PushRequest& request);
  [[nodiscard]] int event_fd() const { return process_.event_fd(); }
  // Never blocks; nullopt = nothing yet. PushDone or an error is the last.
  Result<std::optional<PushEvent>> next_event();
  Result<PushEvent> wait_event();
  [[nodiscard]] bool finished() const { return process_.finished(); }

 private:
  explicit PushProcess(FetchProcess process) : process_(std::move(process)) {}
  FetchProcess process_;
};

}  // namespace shale::registry
