// SPDX-License-Identifier: Apache-2.0
#include "build/run_root.h"

#include <fcntl.h>

#include <cerrno>
#include <vector>

#include "base/sha256.h"
#include "build/layer_maker.h"
#include "build/run_files.h"
#include "build/tree_writer.h"
#include "layer/upper_copy.h"
#include "store/snapshot.h"
#include "sys/files.h"
#include "sys/overlay.h"

namespace shale::build {

Result<UniqueFd> RunRoot::make(const CopyPlan& mount_points, const CopyPlan& kept) {
  ASSIGN_OR_RETURN(directory_, state_.lease->new_directory());
  if (snapshotter_ == Snapshotter::kClone) return make_clone(mount_points, kept);
  if (snapshotter_ == Snapshotter::kTmpfs) {
    ASSIGN_OR_RETURN(in_memory_, state_.memory->new_directory());
  }
  const store::WorkDirectory& upper = in_memory_ ? *in_memory_ : directory_;
  std::vector<std::string> lowers = lower_directories(below_);
  // A layer of their own, directly below the upper directory.
  if (!mount_points.empty()) {
    ASSIGN_OR_RETURN(const std::string path, shared_mount_points(mount_points));
    lowers.push_back(path);
  }
  if (!kept.empty()) RETURN_IF_ERROR(write_tree(kept, upper.fs.get(), state_.owners()));
  return store::mount_writable(*state_.store, lowers, upper);
}

Result<UniqueFd> RunRoot::make_clone(const CopyPlan& mount_points, const CopyPlan& kept) {
  ASSIGN_OR_RETURN(clone_, state_.clones.take(*state_.store, *state_.lease, below_));
  layer::Clone& clone = *clone_->clone;
  if (!mount_points.empty()) {
    ASSIGN_OR_RETURN(store::WorkDirectory directory, state_.lease->new_directory());
    RETURN_IF_ERROR(write_mount_points(mount_points, directory));
    std::vector<layer::Entry> entries;
    for (const auto& [name, planned] : mount_points.entries()) entries.push_back(planned.entry);
    ASSIGN_OR_RETURN(layer::LayerManifest manifest, layer::LayerManifest::build(std::move(entries)));
    stubs_ = std::make_shared<const layer::LayerManifest>(std::move(manifest));
    RETURN_IF_ERROR(clone.apply(*stubs_, directory.fs.get(), state_.clones.cancelled()));
    RETURN_IF_ERROR(state_.lease->discard(*state_.store, std::move(directory)));
  }
  if (!kept.empty()) RETURN_IF_ERROR(write_tree(kept, clone.fd(), state_.owners()));
  RETURN_IF_ERROR(clone.begin());
  if (state_.isolation.namespaces() != runtime::BuildNamespaces::kNone)
    return sys::clone_mount(clone.fd(), ".", false);
  return sys::open_at(clone.fd(), ".", O_RDONLY | O_DIRECTORY);
}

Status RunRoot::write_mount_points(const CopyPlan& stubs, const store::WorkDirectory& directory) {
  RETURN_IF_ERROR(write_tree(stubs, directory.fs.get(), state_.owners()));
  return copy_root_metadata(view_, state_.owners(), directory.fs.get());
}

Result<std::string> RunRoot::shared_mount_points(const CopyPlan& stubs) {
  FieldHash key("mount-points");
  if (const std::optional<layer::ViewEntry> root = view_.find(""))
    key.add(root->entry->mode).add(root->entry->uid).add(root->entry->gid);
  for (const auto& [path, planned] : stubs.entries()) {
    const layer::Entry& entry = planned.entry;
    key.add(path).add(static_cast<std::uint64_t>(entry.type)).add(entry.mode).add(entry.uid).add(entry.gid);
    // The time of what is new does not matter: nobody but this step sees it.
    if (view_.find(path)) key.add(static_cast<std::uint64_t>(entry.mtime_s)).add(entry.mtime_ns);
    for (const layer::EntryXattr& xattr : entry.xattrs) key.add(xattr.name).add(xattr.value);
  }
  const Digest name = key.finish();
  if (const auto made = state_.mount_points.find(name); made != state_.mount_points.end())
    return made->second.fs_path();
  ASSIGN_OR_RETURN(store::WorkDirectory directory, state_.lease->new_directory());
  RETURN_IF_ERROR(write_mount_points(stubs, directory));
  return state_.mount_points.emplace(name, std::move(directory)).first->second.fs_path();
}

bool RunRoot::untouched() const {
  if (clone_ || in_memory_) return false;
  const Result<std::vector<std::string>> names = sys::list_dir(directory_.fs.get());
  return names && names->empty();
}

Result<store::LayerRecord> RunRoot::publish(layer::OwnersBeside owners) {
  if (clone_) return publish_clone(std::move(owners));
  if (in_memory_) {
    RETURN_IF_ERROR(layer::copy_upper(in_memory_->fs.get(), view_, directory_.fs.get()));
    store::MemoryUppers::discard(*state_.store, std::move(*in_memory_));
    in_memory_.reset();
  }
  return publish_upper(*state_.store, *state_.lease, state_.encoding, std::move(directory_), view_,
                       std::move(owners));
}

Result<store::LayerRecord> RunRoot::publish_clone(layer::OwnersBeside owners) {
  RETURN_IF_ERROR(clone_->clone->extract(stubs_ ? view_.with(stubs_) : view_, directory_.fs.get(), owners));
  Digest diff_id;
  ASSIGN_OR_RETURN(store::LayerRecord layer,
                   publish_upper(*state_.store, *state_.lease, state_.encoding, std::move(directory_), view_,
                                 std::move(owners), &diff_id));
  // What comes next starts from here. From now on a failure costs a copy and nothing else.
  RootClone root = std::move(*clone_);
  clone_.reset();
  const auto bring_up_to_date = [&]() -> Status {
    ASSIGN_OR_RETURN(const std::shared_ptr<const layer::LayerManifest> made,
                     state_.store->layers().load_manifest(layer.id));
    if (stubs_) RETURN_IF_ERROR(remove_stubs(root.clone->fd(), *stubs_, view_, *made));
    // An older layer of the same content is taken with its times.
    if (layer.diff_id != diff_id)
      RETURN_IF_ERROR(add_layer(*state_.store, root, layer, state_.clones.cancelled()));
    return {};
  };
  if (layer.entries != 0) root.layers.push_back(layer.id);
  if (bring_up_to_date())
    state_.clones.give_back(std::move(root));
  else
    (void)state_.lease->discard(*state_.store, std::move(root.directory));
  return layer;
}

void RunRoot::discard() {
  // What stays behind goes with the build's directory.
  if (!directory_.wrapper.empty()) (void)state_.lease->discard(*state_.store, std::move(directory_));
  if (in_memory_) store::MemoryUppers::discard(*state_.store, std::move(*in_memory_));
  in_memory_.reset();
  if (clone_) (void)state_.lease->discard(*state_.store, std::move(clone_->directory));
  clone_.reset();
}

}  // namespace shale::build
