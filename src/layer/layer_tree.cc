// SPDX-License-Identifier: Apache-2.0
// Names while unpacking: what a raw path means, and which of this layer's and the lower layers' entries it
// meets.
#include "layer/layer_tree.h"

#include <fmt/format.h>

#include <algorithm>

#include "layer/tar_reader.h"

namespace shale::layer {
namespace {

constexpr std::size_t kNameMax = 255;
// PATH_MAX without its NUL: a longer path could be made, but no program in the container could name it.
constexpr std::size_t kPathMax = 4095;

// A directory of the image: this layer's, and what shows through of those below.
class LayerCursor final : public TreeCursor {
 public:
  // Sets `followed_lower` when a link of a lower layer has been looked at.
  LayerCursor(const LayerNode& root, const SnapshotView& below, bool& followed_lower)
      : layer_(below.layers().size()), followed_lower_(followed_lower) {
    way_.push_back({&root, root.entry.opaque ? SnapshotView::Directory() : below.root()});
  }

  [[nodiscard]] std::optional<ViewEntry> look(std::string_view name) const override {
    const Place& here = way_.back();
    if (here.node != nullptr) {
      const auto child = here.node->children.find(name);
      if (child != here.node->children.end()) {
        if (!child->second->exists) return std::nullopt;  // a whiteout
        return ViewEntry{&child->second->entry, layer_};
      }
    }
    const std::optional<ViewEntry> lower = here.below.child(name);
    followed_lower_ = followed_lower_ || (lower && lower->entry->is_symlink());
    return lower;
  }

  void enter(std::string_view name) override {
    const Place& here = way_.back();
    Place next{.node = nullptr, .below = {}};
    if (here.node != nullptr)
      if (const auto child = here.node->children.find(name); child != here.node->children.end())
        next.node = child->second.get();
    const bool replaced = next.node != nullptr && (next.node->entry.opaque || next.node->whiteout);
    if (!replaced) next.below = here.below.subdirectory(name);
    way_.push_back(std::move(next));
  }

  void leave() override { way_.pop_back(); }

 private:
  struct Place {
    const LayerNode* node;  // nullptr: this layer says nothing of it
    SnapshotView::Directory below;
  };
  std::size_t layer_;
  bool& followed_lower_;
  std::vector<Place> way_;
};

}  // namespace

Result<TarPath> parse_tar_path(std::string_view raw) {
  TarPath path;
  std::size_t length = 0;
  for (std::string_view rest = raw; !rest.empty();) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view name = rest.substr(0, slash);
    rest.remove_prefix(std::min(slash + 1, rest.size()));
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      if (path.names.empty()) {
        path.leads_out = true;
      } else {
        length -= path.names.back().size() + 1;
        path.names.pop_back();
      }
      continue;
    }
    length += name.size() + 1;
    if (name.size() > kNameMax || length > kPathMax) {
      return fail(ErrorKind::kCorrupt, fmt::format("tar entry '{}' has a name that is too long", shown(raw)));
    }
    path.names.emplace_back(name);
  }
  return path;
}

LayerTree::LayerTree(SnapshotView below) : below_(std::move(below)) {
  root_.exists = true;
  root_.on_disk = true;
  root_.entry.type = EntryType::kDirectory;
  root_.entry.mode = 0755;
}

LayerNode* LayerTree::find(std::string_view path) {
  LayerNode* at = &root_;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const auto child = at->children.find(path.substr(0, slash));
    if (child == at->children.end()) return nullptr;
    at = child->second.get();
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return at;
}

Result<std::string> LayerTree::resolve_directory(const std::vector<std::string>& components,
                                                 bool& followed_lower) {
  // Nearly always all of it are directories of this very layer.
  LayerNode* at = &root_;
  std::string path;
  for (const std::string& name : components) {
    const auto child = at->children.find(name);
    if (child == at->children.end() || !child->second->is_directory()) {
      at = nullptr;
      break;
    }
    at = child->second.get();
    if (!path.empty()) path += '/';
    path += name;
  }
  if (at != nullptr) return path;

  std::string raw;
  for (const std::string& name : components) {
    if (!raw.empty()) raw += '/';
    raw += name;
  }
  LayerCursor cursor(root_, below_, followed_lower);
  ASSIGN_OR_RETURN(const ResolvedPath resolved, resolve_in_root(raw, true, cursor));
  link_credit_ += kLinkCreditOfAName;
  if (resolved.link_components > link_credit_) {
    return fail(
        ErrorKind::kCorrupt,
        fmt::format("tar entry below '/{}': the archive's names lead through too many links", shown(raw)));
  }
  link_credit_ -= resolved.link_components;
  if (resolved.entry && !resolved.entry->entry->is_directory()) {
    return fail(ErrorKind::kCorrupt, fmt::format("tar entry below '/{}', which is a {}", shown(resolved.path),
                                                 entry_type_name(resolved.entry->entry->type)));
  }
  // Link targets are not bounded by parse_tar_path().
  if (!is_plain_path(resolved.path) || resolved.path.size() > kPathMax) {
    return fail(ErrorKind::kCorrupt,
                fmt::format("tar entry below '/{}', which leads to a name that is too long", shown(raw)));
  }
  return resolved.path;
}

}  // namespace shale::layer
