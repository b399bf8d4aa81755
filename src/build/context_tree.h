// SPDX-License-Identifier: Apache-2.0
// ContextTree: a local directory as COPY sees it: pruned by .dockerignore, owned by 0:0, hashed by stat
// cache. Or an unpacked archive, with the archive's owners.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "build/source_tree.h"
#include "dockerfile/ignore.h"
#include "store/stat_cache.h"

namespace shale::build {

class ContextTree final : public SourceTree {
 public:
  // Walks `directory` (absolute path, for messages and the stat cache). Unreadable directories are remembered
  // and reported only if something needs them. Devices are left out.
  static Result<std::unique_ptr<ContextTree>> scan(std::string path, UniqueFd directory,
                                                   dockerfile::IgnoreMatcher ignore,
                                                   std::optional<store::StatCache> cache);
  // The same for a directory that an archive was unpacked into: what is in it, owners included, and the
  // digests of its files are in `manifest`, and nothing is hashed.
  static Result<std::unique_ptr<ContextTree>> from_manifest(std::string path, UniqueFd directory,
                                                            dockerfile::IgnoreMatcher ignore,
                                                            const layer::LayerManifest& manifest);

  const layer::SnapshotView& view() const override { return view_; }
  Result<UniqueFd> open_file(const layer::ViewEntry& file) override;
  Result<Digest> content_of(const layer::ViewEntry& file) override;
  std::pair<int, std::string> link_source(const layer::ViewEntry&) override { return {-1, {}}; }
  std::string name() const override { return "the build context"; }
  bool is_ignored(const std::string& path) const override;
  Status check_open(const std::string& path) const override;
  const std::vector<const plan::CopyOp*>* taken_otherwise() const override {
    return taken_ ? &*taken_ : nullptr;
  }
  void set_taken_otherwise(std::vector<const plan::CopyOp*> taken) { taken_ = std::move(taken); }

  // Files seen and how many of them had to be read for their digest.
  [[nodiscard]] std::size_t file_count() const { return file_count_; }
  [[nodiscard]] std::size_t hashed_count() const { return hashed_count_; }
  Status save_cache(const store::Store& store) { return cache_ ? cache_->save(store) : Status{}; }

 private:
  ContextTree(std::string path, UniqueFd directory, dockerfile::IgnoreMatcher ignore,
              std::optional<store::StatCache> cache)
      : path_(std::move(path)),
        directory_(std::move(directory)),
        ignore_(std::move(ignore)),
        cache_(std::move(cache)) {}
  Status walk();
  [[nodiscard]] std::size_t index_of(const layer::ViewEntry& file) const;

  std::string path_;
  UniqueFd directory_;
  dockerfile::IgnoreMatcher ignore_;
  std::optional<store::StatCache> cache_;  // none for a directory that lives as long as the build
  layer::SnapshotView view_;
  std::set<std::string> closed_;                           // directories that may not be read
  std::vector<struct stat> stats_;                         // of the entry with the same index in the manifest
  std::vector<Digest> digests_;                            // likewise; empty = not asked for yet
  std::optional<std::vector<const plan::CopyOp*>> taken_;  // see taken_otherwise()
  std::size_t file_count_ = 0;
  std::size_t hashed_count_ = 0;
};

}  // namespace shale::build
