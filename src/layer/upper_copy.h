// SPDX-License-Identifier: Apache-2.0
// copy_upper: an upper directory of overlayfs on another file system than it was written on.
#pragma once

#include "layer/view.h"
#include "shale/error.h"

namespace shale::layer {

// Copies the tree of the open directory `from`, which nobody writes to any more, to the empty directory `to`:
// owners, modes, times, links, attributes, deletions and replaced directories, each as the other file system
// can hold it. `below` is what the upper directory lies on; where `to` takes no attribute, a replaced
// directory gets a deletion for each of its names. In the namespace in which it was written, on any thread.
Status copy_upper(int from, const SnapshotView& below, int to);

}  // namespace shale::layer
