// SPDX-License-Identifier: Apache-2.0
// LayerTree: the names of a layer while it is being unpacked.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "layer/manifest.h"
#include "layer/view.h"

namespace shale::layer {

// One name. A whiteout may stand beside an entry of the same name: it speaks of the lower layers only.
struct LayerNode {
  Entry entry;
  bool exists = false;          // has an entry
  bool explicit_entry = false;  // … of its own in the tar, not only as somebody's parent
  bool whiteout = false;
  bool on_disk = false;              // devices are not
  std::shared_ptr<const int> inode;  // shared by the names of a hard-link group
  std::map<std::string, std::unique_ptr<LayerNode>, std::less<>> children;

  [[nodiscard]] bool is_directory() const { return exists && entry.is_directory(); }
};

class LayerTree {
 public:
  // Names of link targets that an archive's names may lead through: this many, and some for each name. Far
  // above what an image has (a link or two of a few names), far below what costs more time than its bytes.
  static constexpr std::uint64_t kFirstLinkCredit = 100'000;
  static constexpr std::uint64_t kLinkCreditOfAName = 64;

  explicit LayerTree(SnapshotView below);

  [[nodiscard]] LayerNode& root() { return root_; }
  [[nodiscard]] const SnapshotView& below() const { return below_; }

  // The node at a canonical path, or nullptr.
  [[nodiscard]] LayerNode* find(std::string_view path);

  // Where the directory named by `components` is in the image: links followed inside the root, of this layer
  // and of those below. Sets `followed_lower` if a lower layer's link was taken. An archive whose names lead
  // through links without measure is an error: each would cost what a thousand plain names do.
  Result<std::string> resolve_directory(const std::vector<std::string>& components, bool& followed_lower);

 private:
  SnapshotView below_;
  LayerNode root_;
  std::uint64_t link_credit_ = kFirstLinkCredit;  // names that links may still lead through
};

// Where a raw path of a tar is, as its words say: links are not looked at.
struct TarPath {
  std::vector<std::string> names;  // plain; "" and "." dropped, ".." has taken the name before it
  bool leads_out = false;          // a ".." had nothing before it and was dropped
};
// Names that no file can have are errors.
Result<TarPath> parse_tar_path(std::string_view raw);

}  // namespace shale::layer
