// SPDX-License-Identifier: Apache-2.0
// Layers whose directories were made under other ids than this build's: what of them can be read, and a copy
// of one's own.
#pragma once

#include <optional>
#include <string>

#include "shale/error.h"
#include "store/layers.h"

namespace shale::store {
class BuildLease;
class Store;
}  // namespace shale::store

namespace shale::exporter {

// The directory of a layer in another encoding than this, if the store has one that can be read here, or
// whose blob it has. `reason` says otherwise what is in the way, or stays empty if there is no such layer at
// all.
Result<std::optional<store::LayerRecord>> find_foreign_layer(store::Store& store, const Digest& diff_id,
                                                             const Digest& chain, const std::string& encoding,
                                                             std::string& reason);

// Why the directory of this layer, made in another encoding, cannot be read by this process; empty if it can.
Result<std::string> why_unreadable(store::Store& store, const store::LayerRecord& foreign);

// The same layer in `encoding`, byte for byte as its tar says: from its blob, else from the foreign
// directory. In the build's namespace, on any thread.
Result<store::LayerRecord> convert_layer(store::Store& store, store::BuildLease& lease,
                                         const store::LayerRecord& foreign, const std::string& encoding);

}  // namespace shale::exporter
