// SPDX-License-Identifier: Apache-2.0
// LayerTree: a stack of published layers as a source of files.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "build/source_tree.h"
#include "store/layers.h"
#include "store/store.h"

namespace shale::build {

// Ids of published layers, lowest first.
using LayerStack = std::vector<store::LayerRecord>;

// The merged view of a stack. Reads the manifests that are not in memory yet.
Result<layer::SnapshotView> view_of(store::Store& store, const LayerStack& stack);

// The directories to mount for a stack, lowest first, relative to the store's root. Layers that change
// nothing are left out. A layer that occurs twice (two steps with the same result are one layer) is mounted
// at its upper place only: there it decides about all its names, and overlayfs refuses a directory that is
// listed twice (ELOOP).
std::vector<std::string> lower_directories(const LayerStack& stack);

// `store` outlives the tree. open_file() works where the layers' ids are mapped (in the build's namespace).
Result<std::unique_ptr<SourceTree>> make_layer_tree(store::Store& store, LayerStack stack, std::string name);

// A small regular file (at most 10 MiB) of a stack, links followed inside it; nullopt if there is none.
Result<std::optional<std::string>> read_layer_file(store::Store& store, const LayerStack& stack,
                                                   const layer::SnapshotView& view, const std::string& path);

}  // namespace shale::build
