// SPDX-License-Identifier: Apache-2.0
// write_tree: makes the entries of a CopyPlan in a fresh directory, with their owners, modes, attributes and
// times.
#pragma once

#include "build/copy_plan.h"
#include "layer/owner_encoding.h"

namespace shale::build {

// Whether a file may become a hard link to its source. kNever for places that can be written to later.
enum class LinkPolicy : std::uint8_t { kWherePossible, kNever };

// `fs_fd` is an empty (or just begun) directory of ours: the upper directory of a layer in the making. Files
// are hard links where the source allows it and owner, mode, time and attributes stay the same; else reflinks
// or copies. `stack` (null = none) is what the layer will lie on: a file that may be in it already is copied,
// for two names of one inode in one snapshot are one file for cp, mv and tar. A source file that changes its
// length while it is copied is an error. Runs in the build's user namespace, on any thread.
Status write_tree(const CopyPlan& plan, int fs_fd, layer::OwnerEncoding owners,
                  LinkPolicy links = LinkPolicy::kWherePossible, const layer::SnapshotView* stack = nullptr);

}  // namespace shale::build
