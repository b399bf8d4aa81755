// SPDX-License-Identifier: Apache-2.0
// Trees for tests that never touch a file: entries by path, contents made up from the path.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "build/source_tree.h"

namespace shale::build {

inline layer::Entry directory(std::string path, std::uint32_t mode = 0755, std::uint32_t uid = 0) {
  layer::Entry entry;
  entry.path = std::move(path);
  entry.type = layer::EntryType::kDirectory;
  entry.mode = mode;
  entry.uid = entry.gid = uid;
  return entry;
}
inline layer::Entry file(std::string path, std::uint32_t mode = 0644, std::uint32_t uid = 0) {
  layer::Entry entry;
  entry.path = std::move(path);
  entry.mode = mode;
  entry.uid = entry.gid = uid;
  entry.content = Digest::of(entry.path);
  return entry;
}
inline layer::Entry symlink(std::string path, std::string target) {
  layer::Entry entry;
  entry.path = std::move(path);
  entry.type = layer::EntryType::kSymlink;
  entry.mode = 0777;
  entry.link_target = std::move(target);
  return entry;
}

inline layer::SnapshotView view(std::vector<layer::Entry> entries) {
  return layer::SnapshotView({std::make_shared<const layer::LayerManifest>(
      layer::LayerManifest::build(std::move(entries)).value())});
}

class TestTree final : public SourceTree {
 public:
  explicit TestTree(std::vector<layer::Entry> entries) : view_(build::view(std::move(entries))) {}
  const layer::SnapshotView& view() const override { return view_; }
  Result<UniqueFd> open_file(const layer::ViewEntry&) override {
    return fail(ErrorKind::kInternal, "no files here");
  }
  Result<Digest> content_of(const layer::ViewEntry& entry) override { return entry.entry->content; }
  std::pair<int, std::string> link_source(const layer::ViewEntry&) override { return {-1, {}}; }
  std::string name() const override { return "the test"; }
  bool is_ignored(const std::string& path) const override { return path == "ignored"; }
  const std::vector<const plan::CopyOp*>* taken_otherwise() const override {
    return taken ? &*taken : nullptr;
  }

  std::optional<std::vector<const plan::CopyOp*>> taken;

 private:
  layer::SnapshotView view_;
};

}  // namespace shale::build
