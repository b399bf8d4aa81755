// SPDX-License-Identifier: Apache-2.0
#include "build/clone_pool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/path.h"
#include "layer/layer_stream.h"
#include "sys/files.h"

namespace shale::build {

Status add_layer(store::Store& store, RootClone& root, const store::LayerRecord& layer,
                 const std::atomic<bool>& stop) {
  if (layer.entries == 0) return {};
  ASSIGN_OR_RETURN(const std::shared_ptr<const layer::LayerManifest> manifest,
                   store.layers().load_manifest(layer.id));
  ASSIGN_OR_RETURN(const UniqueFd directory, sys::open_at(store.root_fd(), store::Layers::fs_path(layer.id),
                                                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return root.clone->apply(*manifest, directory.get(), stop);
}

Result<RootClone> ClonePool::take(store::Store& store, store::BuildLease& lease, const LayerStack& stack) {
  std::vector<const store::LayerRecord*> wanted;
  for (const store::LayerRecord& layer : stack)
    if (layer.entries != 0) wanted.push_back(&layer);
  RootClone root;
  {
    const std::lock_guard lock(mutex_);
    auto best = idle_.end();
    for (auto clone = idle_.begin(); clone != idle_.end(); ++clone) {
      const std::vector<std::string>& has = clone->layers;
      const bool fits = has.size() <= wanted.size() &&
                        std::equal(has.begin(), has.end(), wanted.begin(),
                                   [](const std::string& id, const auto* layer) { return id == layer->id; });
      if (fits && (best == idle_.end() || best->layers.size() < has.size())) best = clone;
    }
    if (best != idle_.end()) {
      root = std::move(*best);
      idle_.erase(best);
    }
  }
  if (!root.clone) {
    ASSIGN_OR_RETURN(root.directory, lease.new_directory());
    // By the store's name: the lease's own descriptor is of the mount namespace outside, of which no mount
    // can be cloned.
    ASSIGN_OR_RETURN(UniqueFd tree,
                     sys::open_at(store.root_fd(), root.directory.fs_path(), O_RDONLY | O_DIRECTORY));
    ASSIGN_OR_RETURN(UniqueFd scratch,
                     sys::open_at(store.root_fd(), root.directory.wrapper, O_RDONLY | O_DIRECTORY));
    root.clone = std::make_unique<layer::Clone>(std::move(tree), std::move(scratch));
  }
  for (std::size_t i = root.layers.size(); i < wanted.size(); ++i) {
    RETURN_IF_ERROR(add_layer(store, root, *wanted[i], cancelled_));
    root.layers.push_back(wanted[i]->id);
  }
  return root;
}

void ClonePool::give_back(RootClone clone) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(clone));
}

void ClonePool::clear(store::Store& store) {
  const std::lock_guard lock(mutex_);
  // What cannot be removed goes with the build's directory.
  for (RootClone& clone : idle_) {
    clone.clone.reset();
    (void)sys::remove_tree(store.root_fd(), clone.directory.fs_path());
  }
  idle_.clear();
}

Status remove_stubs(int tree, const layer::LayerManifest& stubs, const layer::SnapshotView& view,
                    const layer::LayerManifest& made) {
  const std::vector<layer::Entry>& entries = stubs.entries();
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (entry->path.empty() || view.find(entry->path) || made.find(entry->path) != nullptr) continue;
    Result<UniqueFd> parent = layer::open_directory_beneath(tree, parent_of(entry->path), O_RDONLY);
    if (!parent) continue;  // the command has removed it
    ASSIGN_OR_RETURN(const struct stat before, sys::stat_fd(parent->get()));
    const std::string name(entry->name());
    if (::unlinkat(parent->get(), name.c_str(), entry->is_directory() ? AT_REMOVEDIR : 0) != 0) {
      if (errno == ENOENT) continue;
      return fail_errno(errno, fmt::format("take the mount point '/{}' away again", entry->path));
    }
    const struct timespec times[2] = {before.st_mtim, before.st_mtim};
    if (::futimens(parent->get(), times) != 0)
      return fail_errno(errno, fmt::format("set the times of the directory of '/{}'", entry->path));
  }
  return {};
}

}  // namespace shale::build
