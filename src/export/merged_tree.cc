// SPDX-License-Identifier: Apache-2.0
#include "export/merged_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <memory>

#include "layer/layer_stream.h"
#include "store/layers.h"
#include "store/store.h"
#include "sys/files.h"

namespace shale::exporter {

Result<MergedTree> MergedTree::open(store::Store& store, const std::vector<std::string>& layer_ids) {
  MergedTree tree;
  std::vector<std::shared_ptr<const layer::LayerManifest>> manifests;
  for (const std::string& id : layer_ids) {
    ASSIGN_OR_RETURN(auto manifest, store.layers().load_manifest(id));
    manifests.push_back(std::move(manifest));
    ASSIGN_OR_RETURN(UniqueFd fs,
                     sys::open_at(store.root_fd(), store::Layers::fs_path(id), O_RDONLY | O_DIRECTORY));
    tree.directories_.push_back(std::move(fs));
  }
  tree.view_ = layer::SnapshotView(std::move(manifests));
  return tree;
}

Status MergedTree::walk(const Visitor& visitor) const {
  // (layer, first name of the group) → the name that stands for it, where the first itself is hidden.
  std::map<std::pair<std::size_t, std::string>, std::string> substitutes;
  const std::string none;
  return view_.walk("", [&](const layer::ViewEntry& seen) -> Status {
    const layer::Entry& entry = *seen.entry;
    if (entry.hard_link_of.empty()) return visitor(entry, seen.layer, none);
    const std::optional<layer::ViewEntry> first = view_.find(entry.hard_link_of);
    if (first && first->layer == seen.layer) return visitor(entry, seen.layer, entry.hard_link_of);
    const auto [substitute, is_first] =
        substitutes.try_emplace(std::pair(seen.layer, entry.hard_link_of), entry.path);
    return visitor(entry, seen.layer, is_first ? none : substitute->second);
  });
}

Result<UniqueFd> MergedTree::open_file(const layer::Entry& entry, std::size_t layer) const {
  const std::size_t name = entry.path.size() - entry.name().size();
  UniqueFd parent;
  int root = directories_[layer].get();
  if (name > 0) {
    ASSIGN_OR_RETURN(parent,
                     layer::open_directory_beneath(root, std::string_view(entry.path).substr(0, name - 1)));
    root = parent.get();
  }
  ASSIGN_OR_RETURN(UniqueFd fd, sys::open_beneath(root, entry.name(), O_RDONLY | O_NONBLOCK));
  ASSIGN_OR_RETURN(const struct stat info, sys::stat_fd(fd.get()));
  if (!S_ISREG(info.st_mode) || static_cast<std::uint64_t>(info.st_size) != entry.size)
    return fail(ErrorKind::kCorrupt,
                fmt::format("'{}' in the store is not the file its layer lists", entry.path));
  return fd;
}

}  // namespace shale::exporter
