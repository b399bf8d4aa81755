// SPDX-License-Identifier: Apache-2.0
#include "build/layer_tree.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <set>

#include "sys/files.h"

namespace shale::build {

namespace {

class LayerTree final : public SourceTree {
 public:
  LayerTree(store::Store& store, LayerStack stack, layer::SnapshotView view, std::string name)
      : store_(store),
        stack_(std::move(stack)),
        view_(std::move(view)),
        name_(std::move(name)),
        roots_(stack_.size()) {}

  const layer::SnapshotView& view() const override { return view_; }

  Result<UniqueFd> open_file(const layer::ViewEntry& file) override {
    ASSIGN_OR_RETURN(const int root, root_of(file.layer));
    return sys::open_beneath(root, file.entry->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  }
  Result<Digest> content_of(const layer::ViewEntry& file) override { return file.entry->content; }
  std::pair<int, std::string> link_source(const layer::ViewEntry& file) override {
    const Result<int> root = root_of(file.layer);
    return {root.value_or(-1), file.entry->path};
  }
  std::string name() const override { return name_; }

 private:
  Result<int> root_of(std::size_t layer) {
    const std::lock_guard lock(mutex_);
    UniqueFd& root = roots_[layer];
    if (!root) {
      ASSIGN_OR_RETURN(root, sys::open_at(store_.root_fd(), store::Layers::fs_path(stack_[layer].id),
                                          O_PATH | O_DIRECTORY | O_NOFOLLOW));
    }
    return root.get();
  }

  store::Store& store_;
  LayerStack stack_;
  layer::SnapshotView view_;
  std::string name_;
  std::mutex mutex_;
  std::vector<UniqueFd> roots_;  // guarded by mutex_
};

}  // namespace

Result<layer::SnapshotView> view_of(store::Store& store, const LayerStack& stack) {
  std::vector<std::shared_ptr<const layer::LayerManifest>> manifests;
  for (const store::LayerRecord& record : stack) {
    if (record.entries == 0) {
      manifests.push_back(nullptr);  // keeps indices equal to the stack's
      continue;
    }
    ASSIGN_OR_RETURN(std::shared_ptr<const layer::LayerManifest> manifest,
                     store.layers().load_manifest(record.id));
    manifests.push_back(std::move(manifest));
  }
  return layer::SnapshotView(std::move(manifests));
}

std::vector<std::string> lower_directories(const LayerStack& stack) {
  std::vector<std::string> out;
  std::set<std::string> seen;
  for (auto record = stack.rbegin(); record != stack.rend(); ++record)
    if (record->entries != 0 && seen.insert(record->id).second)
      out.push_back(store::Layers::fs_path(record->id));
  std::reverse(out.begin(), out.end());
  return out;
}

Result<std::unique_ptr<SourceTree>> make_layer_tree(store::Store& store, LayerStack stack, std::string name) {
  ASSIGN_OR_RETURN(layer::SnapshotView view, view_of(store, stack));
  return std::make_unique<LayerTree>(store, std::move(stack), std::move(view), std::move(name));
}

Result<std::optional<std::string>> read_layer_file(store::Store& store, const LayerStack& stack,
                                                   const layer::SnapshotView& view, const std::string& path) {
  constexpr std::size_t kLimit = std::size_t{10} << 20;  // larger passwd files are attacks (CVE-2026-47262)
  ASSIGN_OR_RETURN(const layer::ResolvedPath found, view.resolve(path, true));
  if (!found.entry) return std::nullopt;
  if (!found.entry->entry->is_file())
    return fail(ErrorKind::kDockerfile, fmt::format("'{}' of the image is a {}, not a file", path,
                                                    layer::entry_type_name(found.entry->entry->type)));
  const std::string fs = store::Layers::fs_path(stack[found.entry->layer].id);
  ASSIGN_OR_RETURN(const UniqueFd root, sys::open_at(store.root_fd(), fs, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  ASSIGN_OR_RETURN(const UniqueFd fd, sys::open_beneath(root.get(), found.entry->entry->path,
                                                        O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  ASSIGN_OR_RETURN(std::string text, sys::read_fd(fd.get(), path, kLimit));
  return text;
}

}  // namespace shale::build
