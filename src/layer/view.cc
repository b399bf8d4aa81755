// SPDX-License-Identifier: Apache-2.0
// The merge rules of overlayfs, on manifests: a name is the topmost layer's; directories of the same name
// merge until a layer has a whiteout, something else, or an opaque directory there.
#include "layer/view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <deque>

namespace shale::layer {
namespace {

// What the kernel allows for a container's own resolution is 40; 255 is what docker and BuildKit allow.
constexpr int kMaxLinks = 255;

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

std::size_t find_child(const SnapshotView::Directory::Part& part, std::string_view name) {
  const auto& entries = part.manifest->entries();
  const auto begin = entries.begin() + static_cast<std::ptrdiff_t>(part.begin);
  const auto end = entries.begin() + static_cast<std::ptrdiff_t>(part.end);
  const auto at = std::lower_bound(begin, end, name, [&](const Entry& entry, std::string_view key) {
    return compare_paths(std::string_view(entry.path).substr(part.prefix_length), key) < 0;
  });
  if (at == end || std::string_view(at->path).substr(part.prefix_length) != name) return kNone;
  return static_cast<std::size_t>(at - entries.begin());
}

// Calls f(component) for each; stops when f gives false.
template <typename F>
bool each_component(std::string_view path, const F& f) {
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0 && !f(path.substr(0, slash))) return false;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return true;
}

std::string join(const std::vector<std::string>& components, std::size_t count) {
  std::string path;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) path += '/';
    path += components[i];
  }
  return path;
}

class ViewCursor final : public TreeCursor {
 public:
  explicit ViewCursor(SnapshotView::Directory root) { way_.push_back(std::move(root)); }
  [[nodiscard]] std::optional<ViewEntry> look(std::string_view name) const override {
    return way_.back().child(name);
  }
  void enter(std::string_view name) override { way_.push_back(way_.back().subdirectory(name)); }
  void leave() override { way_.pop_back(); }

 private:
  std::vector<SnapshotView::Directory> way_;
};

}  // namespace

SnapshotView::SnapshotView(std::vector<std::shared_ptr<const LayerManifest>> layers)
    : layers_(std::move(layers)) {}

SnapshotView SnapshotView::with(std::shared_ptr<const LayerManifest> top) const {
  SnapshotView view = *this;
  view.layers_.push_back(std::move(top));
  return view;
}

SnapshotView::Directory SnapshotView::root() const {
  // An opaque mark on a layer's root has no effect: overlayfs merges the roots of all layers unconditionally.
  Directory directory;
  for (std::size_t i = layers_.size(); i-- > 0;) {
    const LayerManifest* manifest = layers_[i].get();
    if (manifest == nullptr || manifest->empty()) continue;
    const std::size_t begin = manifest->entries().front().path.empty() ? 1 : 0;
    directory.parts_.push_back({manifest, i, begin, manifest->entries().size(), 0});
  }
  return directory;
}

std::optional<ViewEntry> SnapshotView::Directory::child(std::string_view name) const {
  for (const Part& part : parts_) {
    const std::size_t at = find_child(part, name);
    if (at == kNone) continue;
    const Entry& entry = part.manifest->entries()[at];
    if (entry.is_whiteout()) return std::nullopt;
    return ViewEntry{&entry, part.layer};
  }
  return std::nullopt;
}

SnapshotView::Directory SnapshotView::Directory::subdirectory(std::string_view name) const {
  Directory found;
  for (const Part& part : parts_) {
    const std::size_t at = find_child(part, name);
    if (at == kNone) continue;
    const Entry& entry = part.manifest->entries()[at];
    if (!entry.is_directory()) break;
    found.parts_.push_back({part.manifest, part.layer, at + 1, part.manifest->subtree_end(at),
                            part.prefix_length + name.size() + 1});
    if (entry.opaque) break;
  }
  return found;
}

std::vector<ViewEntry> SnapshotView::Directory::children() const {
  std::vector<ViewEntry> all;
  for (const Part& part : parts_) {
    for (std::size_t i = part.begin; i < part.end; i = part.manifest->subtree_end(i)) {
      all.push_back({&part.manifest->entries()[i], part.layer});
    }
  }
  // Parts come topmost first and the sort is stable, so the first of equal names is the visible one.
  if (parts_.size() > 1) {
    std::ranges::stable_sort(all, {}, [](const ViewEntry& view) { return view.entry->name(); });
    all.erase(std::unique(
                  all.begin(), all.end(),
                  [](const ViewEntry& a, const ViewEntry& b) { return a.entry->name() == b.entry->name(); }),
              all.end());
  }
  std::erase_if(all, [](const ViewEntry& view) { return view.entry->is_whiteout(); });
  return all;
}

SnapshotView::Directory SnapshotView::directory(std::string_view path) const {
  Directory at = root();
  each_component(path, [&](std::string_view name) {
    at = at.subdirectory(name);
    return !at.empty();
  });
  return at;
}

std::optional<ViewEntry> SnapshotView::find(std::string_view path) const {
  if (path.empty()) {
    for (std::size_t i = layers_.size(); i-- > 0;) {
      const LayerManifest* manifest = layers_[i].get();
      if (manifest == nullptr || manifest->empty()) continue;
      const Entry& first = manifest->entries().front();
      if (first.path.empty()) return ViewEntry{&first, i};
    }
    return std::nullopt;
  }
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return root().child(path);
  return directory(path.substr(0, slash)).child(path.substr(slash + 1));
}

std::vector<ViewEntry> SnapshotView::children(std::string_view path) const {
  return directory(path).children();
}

Result<ResolvedPath> SnapshotView::resolve(std::string_view path, bool follow_last) const {
  ViewCursor cursor(root());
  ASSIGN_OR_RETURN(ResolvedPath resolved, resolve_in_root(path, follow_last, cursor));
  if (resolved.is_root()) resolved.entry = find("");
  return resolved;
}

Status SnapshotView::walk(std::string_view path, const WalkCallback& callback) const {
  struct Frame {
    Directory directory;
    std::vector<ViewEntry> children;
    std::size_t next = 0;
  };
  const std::optional<ViewEntry> top = find(path);
  if (!top && !path.empty()) return {};
  if (top) RETURN_IF_ERROR(callback(*top));
  std::vector<Frame> frames;
  const auto enter = [&](Directory directory) {
    std::vector<ViewEntry> children = directory.children();
    frames.push_back({std::move(directory), std::move(children)});
  };
  enter(directory(path));
  while (!frames.empty()) {
    Frame& frame = frames.back();
    if (frame.next == frame.children.size()) {
      frames.pop_back();
      continue;
    }
    const ViewEntry child = frame.children[frame.next++];
    RETURN_IF_ERROR(callback(child));
    if (child.entry->is_directory()) enter(frame.directory.subdirectory(child.entry->name()));
  }
  return {};
}

Result<ResolvedPath> resolve_in_root(std::string_view path, bool follow_last, TreeCursor& cursor) {
  std::deque<std::string> pending;
  each_component(path, [&](std::string_view name) {
    pending.emplace_back(name);
    return true;
  });
  if (path.ends_with('/')) follow_last = true;

  ResolvedPath resolved;
  std::vector<std::string> canonical;
  std::size_t existing = 0;  // how many of `canonical` are directories that exist: where the cursor is
  std::optional<ViewEntry> last;
  int links = 0;
  while (!pending.empty()) {
    const std::string name = std::move(pending.front());
    pending.pop_front();
    if (last && !last->entry->is_directory()) {
      return fail_errno(
          ENOTDIR, fmt::format("resolve '{}' in the image: '/{}'", path, join(canonical, canonical.size())));
    }
    if (name == ".") continue;
    if (name == "..") {
      if (!canonical.empty()) canonical.pop_back();
      for (; existing > canonical.size(); --existing) cursor.leave();
      last.reset();  // an ancestor that exists is a directory
      continue;
    }
    canonical.push_back(name);
    last.reset();
    if (existing + 1 < canonical.size()) continue;  // below something missing
    last = cursor.look(name);
    if (!last) continue;
    if (last->entry->is_symlink() && (follow_last || !pending.empty())) {
      if (++links > kMaxLinks) return fail_errno(ELOOP, fmt::format("resolve '{}' in the image", path));
      const std::string& target = last->entry->link_target;
      canonical.pop_back();
      if (target.starts_with('/')) {
        canonical.clear();
        for (; existing > 0; --existing) cursor.leave();
      }
      std::vector<std::string> inserted;
      each_component(target, [&](std::string_view component) {
        inserted.emplace_back(component);
        return true;
      });
      resolved.link_components += inserted.size();
      pending.insert(pending.begin(), inserted.begin(), inserted.end());
      last.reset();
      continue;
    }
    if (last->entry->is_directory()) {
      cursor.enter(name);
      existing = canonical.size();
    }
  }

  resolved.path = join(canonical, canonical.size());
  if (last) {
    resolved.entry = last;
  } else if (existing == canonical.size() && !canonical.empty()) {
    cursor.leave();
    resolved.entry = cursor.look(canonical.back());  // reached by ".." or by "."
  } else if (!canonical.empty()) {
    resolved.existing_ancestor = join(canonical, existing);
    resolved.missing.assign(canonical.begin() + static_cast<std::ptrdiff_t>(existing), canonical.end());
  }
  return resolved;
}

}  // namespace shale::layer
