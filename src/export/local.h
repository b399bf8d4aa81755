// SPDX-License-Identifier: Apache-2.0
// A snapshot's files outside of the store: as a directory of the user's, or as a tar.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "export/progress.h"
#include "shale/error.h"

namespace shale::store {
class Store;
}

namespace shale::exporter {

struct LocalOptions {
  // Owners, devices and file capabilities too: for root's builds (encoding "identity"). Otherwise everything
  // belongs to the user, and devices are left out with a warning.
  bool owners = false;
  std::optional<std::int64_t> mtime_s;  // seconds since 1970: the time of every entry, instead of its own
};

// Writes the merged view of the layers (ids, lowest first; their directories are held by the caller's lease)
// into `path`, which is made with its parents if missing. What is there and has no counterpart stays; files
// and links are replaced, each in one step, directories are kept. No link below `path` is ever followed.
// Modes, times, hard links and user.* attributes are kept. Runs in the build's namespace, where the layers'
// files can be read.
Status write_local(store::Store& store, const std::vector<std::string>& layer_ids, const std::string& path,
                   const LocalOptions& options, const Progress& progress);

// The same view as one tar with owners, sorted; equal views give equal bytes. `path` "-" is standard output;
// a file appears under its name when it is complete. `mtime_s` as in LocalOptions.
Status write_flat_tar(store::Store& store, const std::vector<std::string>& layer_ids, const std::string& path,
                      std::optional<std::int64_t> mtime_s, const Progress& progress);

}  // namespace shale::exporter
