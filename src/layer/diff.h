// SPDX-License-Identifier: Apache-2.0
// describe_upper: what a finished step wrote, as a manifest, together with the diff_id of its tar.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "layer/manifest.h"
#include "layer/owner_encoding.h"
#include "layer/view.h"

namespace shale::layer {

struct DiffOptions {
  // A directory whose modification time alone differs from the lower layers is left out (a step that made and
  // removed a temporary file in it then leaves no trace).
  bool ignore_directory_times = false;
  // Names to leave out, with all that is below them (plain paths): stubs that mounts of the step left behind.
  std::vector<std::string> omit;
  // How the directory keeps owners; with attributes, those of what carries none are in `owners_beside`. What
  // is not there belongs to the same owner as the same link, fifo or socket below, else to root.
  OwnerEncoding owners = OwnerEncoding::kIds;
  OwnersBeside owners_beside;
  // Threads that read files, 1 or more; the result does not depend on it.
  int threads = 2;
};

struct DiffResult {
  LayerManifest manifest;
  Digest diff_id;               // of the tar stream that write_layer_tar(manifest, …) gives
  std::uint64_t tar_bytes = 0;  // its length
};

// Walks the upper directory `fs_dirfd` (overlay's encoding: character device 0:0 and xattr whiteouts,
// user.overlay.opaque) relative to descriptors, following no link, and reads every file once. `below` is the
// stack it was mounted on. The tree is not changed; nobody may write to it meanwhile (a file that changes
// size while it is read is an error).
//
// Left out: directories equal to the lower one (mode, owner, xattrs, and times, see DiffOptions) without any
// entry below them; files equal to the lower one in everything, times included (opened for writing, not
// written); whiteouts of names the lower layers do not have; the opaque mark of a directory the lower layers
// do not have; the root, unless its mode, owner or xattrs differ. Extended attributes kept: user.*
// (user.overlay.* stripped, one level of user.overlay.overlay.* un-escaped), security.capability, POSIX ACLs.
//
// Runs in the build's user namespace. Blocking; safe to call from any thread.
Result<DiffResult> describe_upper(int fs_dirfd, const SnapshotView& below, const DiffOptions& options = {});

}  // namespace shale::layer
