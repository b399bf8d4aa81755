// SPDX-License-Identifier: Apache-2.0
#include "build/source_tree.h"

#include <fcntl.h>

#include <ctime>
#include <map>

#include "sys/files.h"
#include "sys/process.h"

namespace shale::build {

namespace {

class InlineTree final : public SourceTree {
 public:
  explicit InlineTree(const std::vector<std::pair<std::string, std::string>>& files) {
    std::vector<layer::Entry> entries;
    layer::Entry root;
    root.type = layer::EntryType::kDirectory;
    root.mode = 0755;
    entries.push_back(root);
    const std::int64_t now = std::time(nullptr);
    for (const auto& [name, content] : files) {
      if (!layer::is_plain_path(name) || contents_.contains(name))
        continue;  // the last word of a name wins below
      contents_[name] = content;
    }
    for (const auto& [name, content] : files)
      if (const auto found = contents_.find(name); found != contents_.end()) found->second = content;
    for (const auto& [name, content] : contents_) {
      layer::Entry entry;
      entry.path = name;
      entry.mode = 0644;
      entry.size = content.size();
      entry.mtime_s = now;
      entry.content = Digest::of(content);
      entries.push_back(std::move(entry));
    }
    // Plain names in one directory: nothing that build() could refuse.
    if (Result<layer::LayerManifest> manifest = layer::LayerManifest::build(std::move(entries)))
      view_ = layer::SnapshotView({std::make_shared<const layer::LayerManifest>(std::move(*manifest))});
  }

  const layer::SnapshotView& view() const override { return view_; }
  Result<UniqueFd> open_file(const layer::ViewEntry& file) override {
    return sys::sealed_memfd("heredoc", contents_.at(file.entry->path));
  }
  Result<Digest> content_of(const layer::ViewEntry& file) override { return file.entry->content; }
  std::pair<int, std::string> link_source(const layer::ViewEntry&) override { return {-1, {}}; }
  std::string name() const override { return "the heredoc"; }

 private:
  std::map<std::string, std::string> contents_;
  layer::SnapshotView view_;
};

class DirectoryTree final : public SourceTree {
 public:
  DirectoryTree(std::shared_ptr<const layer::LayerManifest> manifest, UniqueFd directory, std::string name)
      : view_({std::move(manifest)}), directory_(std::move(directory)), name_(std::move(name)) {}

  const layer::SnapshotView& view() const override { return view_; }
  Result<UniqueFd> open_file(const layer::ViewEntry& file) override {
    return sys::open_beneath(directory_.get(), file.entry->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  }
  Result<Digest> content_of(const layer::ViewEntry& file) override { return file.entry->content; }
  std::pair<int, std::string> link_source(const layer::ViewEntry& file) override {
    return {directory_.get(), file.entry->path};
  }
  std::string name() const override { return name_; }

 private:
  layer::SnapshotView view_;
  UniqueFd directory_;
  std::string name_;
};

}  // namespace

std::unique_ptr<SourceTree> make_inline_tree(const std::vector<std::pair<std::string, std::string>>& files) {
  return std::make_unique<InlineTree>(files);
}

std::unique_ptr<SourceTree> make_directory_tree(std::shared_ptr<const layer::LayerManifest> manifest,
                                                UniqueFd directory, std::string name) {
  return std::make_unique<DirectoryTree>(std::move(manifest), std::move(directory), std::move(name));
}

}  // namespace shale::build
