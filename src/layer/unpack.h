// SPDX-License-Identifier: Apache-2.0
// unpack: a tar stream becomes a tree and its manifest, with OCI layer semantics or plain ones.
#pragma once

#include <string>
#include <vector>

#include "layer/archive_input.h"
#include "layer/manifest.h"
#include "layer/owner_encoding.h"
#include "layer/view.h"

namespace shale::layer {

struct UnpackOptions {
  bool layer = true;  // whiteouts and opaque markers mean what OCI says; else they are ordinary names
  bool squash_owners = false;  // everything belongs to 0:0
  bool record_owners = false;  // owners and attributes go into the manifest only
  bool any_end = false;        // a tar's odd end is a warning
  OwnerEncoding owners = OwnerEncoding::kIds;
  SnapshotView below;
  ArchiveLimits limits;
};

struct UnpackOutcome {
  LayerManifest manifest;
  bool depends_on_lower = false;
  std::vector<std::string> implied;  // directories that have no entry of their own, in the manifest's order
  std::vector<std::string> warnings;
};

// Into the empty directory `fs_fd`. Reads `input` to its end, so that its totals are known and checked
// afterwards.
Result<UnpackOutcome> unpack(ArchiveInput& input, int fs_fd, const UnpackOptions& options);

}  // namespace shale::layer
