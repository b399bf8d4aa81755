// SPDX-License-Identifier: Apache-2.0
// SnapshotView: what a mounted stack of layers would show, answered from their manifests alone.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layer/manifest.h"

namespace shale::layer {

// One visible name. `entry` lives as long as the view's manifests; a directory's entry is that of the topmost
// layer that has it (overlay shows that one's metadata).
struct ViewEntry {
  const Entry* entry = nullptr;
  std::size_t layer = 0;  // index into the stack, 0 = lowest
};

// Where a path leads to, links followed as chroot would.
struct ResolvedPath {
  // Canonical: plain names joined by '/', "" = the root. For a missing path, the path that creating it would
  // make (dangling links followed).
  std::string path;
  std::optional<ViewEntry>
      entry;  // none = nothing there; also none for a root no layer describes (see is_root())
  // Only for a missing path: the deepest existing directory above it (canonical), and what is missing below
  // that.
  std::string existing_ancestor;
  std::vector<std::string> missing;
  std::size_t link_components = 0;  // names that the links on the way stood for

  [[nodiscard]] bool is_root() const { return path.empty(); }
  [[nodiscard]] bool exists() const { return entry.has_value() || is_root(); }
};

// A read-only view over a stack of manifests. Nothing is built in advance: each question is a few binary
// searches per layer. Copying is cheap (it shares the manifests). Safe to use from several threads.
class SnapshotView {
 public:
  // The empty stack ("scratch").
  SnapshotView() = default;
  // Lowest first; a null pointer counts as an empty layer.
  explicit SnapshotView(std::vector<std::shared_ptr<const LayerManifest>> layers);

  [[nodiscard]] const std::vector<std::shared_ptr<const LayerManifest>>& layers() const { return layers_; }
  // This view with one more layer on top.
  [[nodiscard]] SnapshotView with(std::shared_ptr<const LayerManifest> top) const;

  // `path` is relative and plain (see Entry::path); no link is followed, not even in the middle. None for the
  // root if no layer has an entry for it: treat it as a directory 0755 root:root.
  [[nodiscard]] std::optional<ViewEntry> find(std::string_view path) const;

  // The names in the directory `path`, sorted by bytes; empty if it is not a directory.
  [[nodiscard]] std::vector<ViewEntry> children(std::string_view path) const;

  // `path` may be absolute or relative to the root, may hold ".", ".." and repeated slashes, and may lead
  // through links, absolute ones included: everything stays inside the root. The last component's link is
  // followed only if `follow_last` (or if `path` ends in '/'). More than 255 links: error with errno ELOOP. A
  // non-directory in the middle: errno ENOTDIR.
  [[nodiscard]] Result<ResolvedPath> resolve(std::string_view path, bool follow_last) const;

  // Every visible name below and including `path`, pre-order, sorted as in a manifest. The root itself is
  // passed only if a layer describes it. The callback's error ends the walk and is returned.
  using WalkCallback = std::function<Status(const ViewEntry&)>;
  Status walk(std::string_view path, const WalkCallback& callback) const;

  // One visible directory: the layers that contribute names to it, topmost first. The cheap way to ask for
  // many names of one directory.
  class Directory {
   public:
    struct Part {
      const LayerManifest* manifest;
      std::size_t layer;
      std::size_t begin;  // entries [begin, end) lie below the directory
      std::size_t end;
      std::size_t prefix_length;  // of the directory's path, with its slash
    };
    // The name in this directory, or none.
    [[nodiscard]] std::optional<ViewEntry> child(std::string_view name) const;
    // The directory `name` in this directory; one without parts if it is not there or not a directory.
    [[nodiscard]] Directory subdirectory(std::string_view name) const;
    [[nodiscard]] std::vector<ViewEntry> children() const;
    [[nodiscard]] bool empty() const { return parts_.empty(); }

   private:
    friend class SnapshotView;
    std::vector<Part> parts_;
  };
  [[nodiscard]] Directory root() const;
  // As find(), for a directory.
  [[nodiscard]] Directory directory(std::string_view path) const;

 private:
  std::vector<std::shared_ptr<const LayerManifest>> layers_;
};

// A place in a tree of names, at first its root: what resolve_in_root() goes through the tree with. One
// question costs no more for being asked at a depth: links can lead through hundreds of thousands of names.
class TreeCursor {
 public:
  TreeCursor() = default;
  TreeCursor(const TreeCursor&) = delete;
  TreeCursor& operator=(const TreeCursor&) = delete;
  virtual ~TreeCursor() = default;
  // The entry of this name in the directory where the cursor is, or none.
  [[nodiscard]] virtual std::optional<ViewEntry> look(std::string_view name) const = 0;
  // Into the directory that look() has given for this name.
  virtual void enter(std::string_view name) = 0;
  // To the directory above; not called in the root.
  virtual void leave() = 0;
};

// The walk behind resolve(), for trees that are not a SnapshotView. The root itself is not asked about:
// ResolvedPath::entry is none for it.
[[nodiscard]] Result<ResolvedPath> resolve_in_root(std::string_view path, bool follow_last,
                                                   TreeCursor& cursor);

}  // namespace shale::layer
