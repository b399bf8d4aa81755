// SPDX-License-Identifier: Apache-2.0
// Images in the store: list, remove, tag; and their ways in and out.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shale/digest.h"
#include "shale/error.h"
#include "shale/events.h"

namespace shale {

// $SHALE_ROOT, else $XDG_DATA_HOME/shale, else ~/.local/share/shale; without a usable home
// $XDG_RUNTIME_DIR/shale, then /tmp/shale-<uid>.
Result<std::string> default_store_root();
// Why that is none of the usual places, in one line; empty if it is one (or there is none: the command says
// why).
std::string default_store_note();

struct ImageSummary {
  std::string repository;  // familiar form; "<none>" for an image without a tag
  std::string tag;         // "<none>" likewise
  Digest id;
  std::chrono::system_clock::time_point created;
  std::uint64_t size_bytes = 0;  // of all layers, uncompressed
  Digest digest;                 // what the registry calls it, if the name came from one
  std::map<std::string, std::string> labels;
};

// Every function opens the store at `store_root` (empty = default_store_root()) for itself.

// Newest first, one row per tag.
Result<std::vector<ImageSummary>> list_images(const std::string& store_root);

// What is known of an image, as one JSON object with the members of `docker image inspect`. Lists and maps
// that are empty are there as such.
Result<std::string> describe_image(const std::string& store_root, const std::string& name);

// One instruction of an image's history.
struct HistoryStep {
  Digest image;  // of the newest step; empty for the others
  std::optional<std::chrono::system_clock::time_point> created;
  std::string created_by;
  std::uint64_t size_bytes = 0;  // of the layer it made
  std::string comment;
};
// Newest first.
Result<std::vector<HistoryStep>> image_history(const std::string& store_root, const std::string& name);

struct RemovedImage {
  std::vector<std::string> lines;  // "Untagged: a:b", "Deleted: sha256:…"
  std::string warning;             // why space is still taken; empty = it is not
};
// Removes a tag, or with an id (or a unique prefix of one) the image; with `force` an id takes all its tags
// along. Call it while no other thread exists.
Result<RemovedImage> remove_image(const std::string& store_root, const std::string& name, bool force);

Result<void> tag_image(const std::string& store_root, const std::string& source, const std::string& target);

struct TransferResult {
  Digest digest;                   // manifest digest for pull and push; image id for load and import
  std::vector<std::string> names;  // what was loaded or tagged, in familiar form
};

// Downloads (if the registry has something newer) and unpacks. `platform` empty = the host's.
Result<TransferResult> pull_image(const std::string& store_root, const std::string& name,
                                  const std::string& platform, EventSink& events);
// Compresses what was not compressed before, and uploads what the registry does not have. `attributes` are
// those of an OutputSpec that say how (compression, oci-mediatypes, annotations).
Result<TransferResult> push_image(const std::string& store_root, const std::string& name, EventSink& events,
                                  const std::map<std::string, std::string>& attributes = {});

// An OCI layout (directory or tar) or a docker archive; `path` "-" = standard input.
Result<TransferResult> load_image(const std::string& store_root, const std::string& path, EventSink& events);
// A docker archive that docker load and podman load take; `path` "-" = standard output.
enum class SaveFormat : std::uint8_t { kDockerArchive, kOciArchive, kOciDirectory };
Result<void> save_images(const std::string& store_root, const std::vector<std::string>& names,
                         const std::string& path, SaveFormat format, EventSink& events);
// Makes an image of one layer from a root file system tar (any compression libarchive reads); `path` "-" =
// standard input. `changes` are Dockerfile instructions (CMD, ENV, …) as in docker import --change.
Result<TransferResult> import_image(const std::string& store_root, const std::string& path,
                                    const std::string& name, const std::vector<std::string>& changes,
                                    const std::string& platform, EventSink& events);

}  // namespace shale
