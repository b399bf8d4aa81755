// SPDX-License-Identifier: Apache-2.0
// MergedTree: the visible files of a stack of layer directories, read from the directories themselves without
// a mount.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "layer/manifest.h"
#include "layer/view.h"

namespace shale::store {
class Store;
}

namespace shale::exporter {

class MergedTree {
 public:
  // Ids of published layers, lowest first, held by the caller's lease.
  static Result<MergedTree> open(store::Store& store, const std::vector<std::string>& layer_ids);

  // One visible name. `link_to`: the path, passed before, of which it is a hard link; empty for all else.
  // (The group's first name in the layer may be hidden by the layers above: then another one takes its
  // place.)
  using Visitor =
      std::function<Status(const layer::Entry& entry, std::size_t layer, const std::string& link_to)>;
  // Pre-order, sorted; the root only if a layer describes it.
  Status walk(const Visitor& visitor) const;

  // The data of a file. kCorrupt if it is not what the manifest says.
  [[nodiscard]] Result<UniqueFd> open_file(const layer::Entry& entry, std::size_t layer) const;

 private:
  MergedTree() = default;
  layer::SnapshotView view_;
  std::vector<UniqueFd> directories_;
};

}  // namespace shale::exporter
