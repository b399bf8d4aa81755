// SPDX-License-Identifier: Apache-2.0
// Unpacking: each tar entry is placed in the tree of names first (which knows links, whiteouts and the layers
// below) and then made on disk; the owners, modes and times of directories, whiteouts and the manifest come
// at the end.
#include "layer/unpack.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/path.h"
#include "layer/entry_maker.h"
#include "layer/file_data.h"
#include "layer/layer_tree.h"
#include "layer/tar_reader.h"
#include "layer/tree_writer.h"

namespace shale::layer {
namespace {

constexpr std::string_view kWhiteoutPrefix = ".wh.";
constexpr std::string_view kMetadataPrefix = ".wh..wh.";
constexpr std::string_view kOpaqueMarker = ".wh..wh..opq";

// What an entry without a name takes: its node, that node's place in its directory, its line of the manifest.
constexpr std::uint64_t kEntryBytes = sizeof(LayerNode) + sizeof(Entry) + 64;

class Unpacker {
 public:
  Unpacker(ArchiveInput& input, int fs_fd, const UnpackOptions& options, IdMap ids)
      : reader_(input, options.any_end ? OddEnd::kTold : OddEnd::kRefused),
        writer_(fs_fd, options.record_owners, options.owners),
        maker_(options, std::move(ids)),
        data_(input, reader_, options.limits),
        options_(options),
        tree_(options.below) {}

  Result<UnpackOutcome> run() {
    while (true) {
      ASSIGN_OR_RETURN(std::optional<TarItem> item, reader_.next());
      if (!item) break;
      if (++items_ > options_.limits.max_entries) {
        return fail(ErrorKind::kUnsupported, fmt::format("the archive has more than {} entries, the limit",
                                                         options_.limits.max_entries));
      }
      RETURN_IF_ERROR(keep(*item));
      RETURN_IF_ERROR(add(*item));
    }
    RETURN_IF_ERROR(hide_below_opaque_root());
    RETURN_IF_ERROR(finish(tree_.root(), ""));
    UnpackOutcome outcome;
    ASSIGN_OR_RETURN(outcome.manifest, LayerManifest::build(std::move(entries_)));
    outcome.depends_on_lower = depends_on_lower_;
    outcome.implied = std::move(implied_);
    outcome.warnings = warnings();
    return outcome;
  }

 private:
  // Memory is what an archive of little else than names and attributes uses up, compressed to next to
  // nothing.
  Status keep(const TarItem& item) {
    std::uint64_t bytes = item.path.size() + item.link.size();
    for (const EntryXattr& xattr : item.xattrs) bytes += xattr.name.size() + xattr.value.size();
    return keep(bytes);
  }

  Status keep(std::uint64_t bytes) {
    metadata_bytes_ += kEntryBytes + bytes;
    if (metadata_bytes_ <= options_.limits.max_metadata_bytes) return {};
    return fail(Error(ErrorKind::kUnsupported,
                      fmt::format("the names and attributes of the archive's entries take more than {} bytes "
                                  "of memory, the limit",
                                  options_.limits.max_metadata_bytes))
                    .hint("split it into several layers or archives"));
  }

  Status add(TarItem& item) {
    ASSIGN_OR_RETURN(std::vector<std::string> components, names_of(item.path));
    if (components.empty()) return add_root(item);
    if (options_.layer) {
      const auto metadata = std::find_if(components.begin(), components.end(), [](const std::string& name) {
        return name.starts_with(kMetadataPrefix) && name != kOpaqueMarker;
      });
      // Bookkeeping of the AUFS driver, not part of the image.
      if (metadata != components.end()) {
        ++ignored_metadata_;
        return {};
      }
      const auto last = components.end() - 1;
      const auto marker = std::find_if(components.begin(), components.end(), [](const std::string& name) {
        return name.starts_with(kWhiteoutPrefix);
      });
      if (marker != components.end() && marker != last) {
        return fail(ErrorKind::kCorrupt,
                    fmt::format("tar entry '{}' lies below a deletion mark", shown(item.path)));
      }
      if (marker == last) return add_whiteout(item, std::move(components));
    }
    const std::string name = std::move(components.back());
    components.pop_back();
    ASSIGN_OR_RETURN(const std::string parent, make_parents(components));
    const std::string path = parent.empty() ? name : parent + "/" + name;
    if (item.hard_link) return add_hard_link(item, path);
    return add_entry(item, path);
  }

  // No builder writes a layer whose names lead out, so such a layer is damaged or hostile. An archive may be
  // made by hand: what leads out of it is kept inside, as tar and docker do.
  Result<std::vector<std::string>> names_of(const std::string& raw) {
    ASSIGN_OR_RETURN(TarPath path, parse_tar_path(raw));
    if (path.leads_out) {
      if (options_.layer) {
        return fail(ErrorKind::kCorrupt,
                    fmt::format("tar entry '{}' leads out of the layer with '..'", shown(raw)));
      }
      if (names_kept_inside_++ == 0) first_name_kept_inside_ = raw;
    }
    return std::move(path.names);
  }

  Status add_root(const TarItem& item) {
    // What an archive says of the directory it is unpacked to, whatever it is, does not count.
    if (!options_.layer && (item.hard_link || item.type != EntryType::kDirectory)) return {};
    if (item.hard_link || item.type != EntryType::kDirectory) {
      return fail(ErrorKind::kCorrupt,
                  fmt::format("tar entry '{}' would replace the root directory", shown(item.path)));
    }
    LayerNode& root = tree_.root();
    const bool opaque = root.entry.opaque;
    ASSIGN_OR_RETURN(root.entry, maker_.make(item, ""));
    root.entry.opaque = opaque;
    root.explicit_entry = true;
    return {};
  }

  Status add_whiteout(const TarItem& item, std::vector<std::string> components) {
    const std::string marker = std::move(components.back());
    components.pop_back();
    const std::string name = marker.substr(kWhiteoutPrefix.size());
    if (marker != kOpaqueMarker &&
        (name.empty() || name == "." || name == ".." || name.starts_with(kWhiteoutPrefix))) {
      return fail(ErrorKind::kCorrupt, fmt::format("tar entry '{}' deletes no name", shown(item.path)));
    }
    ASSIGN_OR_RETURN(const std::string parent, make_parents(components));
    LayerNode& directory = *tree_.find(parent);
    if (marker == kOpaqueMarker) {
      directory.entry.opaque = true;
      return {};
    }
    auto& child = directory.children[name];
    if (!child) child = std::make_unique<LayerNode>();
    child->whiteout = true;
    return {};
  }

  // The canonical path of the directory; what is missing of it in this layer is made, looking like the lower
  // one.
  Result<std::string> make_parents(const std::vector<std::string>& components) {
    bool followed_lower = false;
    ASSIGN_OR_RETURN(std::string path, tree_.resolve_directory(components, followed_lower));
    depends_on_lower_ = depends_on_lower_ || followed_lower;
    LayerNode* at = &tree_.root();
    for (std::size_t end = 0; end < path.size();) {
      const std::size_t start = end == 0 ? 0 : end + 1;
      end = std::min(path.find('/', start), path.size());
      const std::string name = path.substr(start, end - start);
      auto& child = at->children[name];
      if (!child) child = std::make_unique<LayerNode>();
      if (!child->exists) {
        const std::string directory = path.substr(0, end);
        Entry entry;
        entry.type = EntryType::kDirectory;
        entry.mode = 0755;
        if (options_.layer && !child->whiteout) {
          depends_on_lower_ = true;
          const std::optional<ViewEntry> lower = lower_entry(directory);
          if (lower && lower->entry->is_directory()) entry = *lower->entry;
          entry.opaque = false;
        }
        entry.path = directory;
        RETURN_IF_ERROR(keep(directory.size()));
        RETURN_IF_ERROR(writer_.make_directory(directory));
        child->entry = std::move(entry);
        child->exists = true;
        child->on_disk = true;
      }
      at = child.get();
    }
    return path;
  }

  // What the lower layers show at `path`, unless something of this layer hides it.
  std::optional<ViewEntry> lower_entry(const std::string& path) {
    const LayerNode* at = &tree_.root();
    for (std::size_t end = 0; end < path.size();) {
      const std::size_t start = end == 0 ? 0 : end + 1;
      end = std::min(path.find('/', start), path.size());
      if (at->entry.opaque) return std::nullopt;
      const auto child = at->children.find(std::string_view(path).substr(start, end - start));
      if (child == at->children.end()) break;
      at = child->second.get();
      if (at->whiteout && at->exists && end < path.size()) return std::nullopt;
    }
    return tree_.below().find(path);
  }

  // The node for a new entry; what stands in its way is removed, unless a directory meets a directory.
  Result<LayerNode*> place(const std::string& path, bool directory) {
    LayerNode* parent = tree_.find(parent_of(path));
    auto& node = parent->children[path.substr(path.rfind('/') + 1)];
    if (!node) node = std::make_unique<LayerNode>();
    if (node->exists && !(directory && node->entry.is_directory())) {
      if (node->on_disk) RETURN_IF_ERROR(writer_.remove(path));
      const bool whiteout = node->whiteout;
      *node = LayerNode();
      node->whiteout = whiteout;
    }
    return node.get();
  }

  Status add_hard_link(const TarItem& item, const std::string& path) {
    ASSIGN_OR_RETURN(std::vector<std::string> target, names_of(item.link));
    const auto bad_target = [&] {
      return fail(ErrorKind::kCorrupt, fmt::format("hard link '{}' to '{}', which this layer does not have",
                                                   shown(item.path), shown(item.link)));
    };
    if (target.empty()) return bad_target();
    const std::string name = std::move(target.back());
    target.pop_back();
    bool followed_lower = false;
    ASSIGN_OR_RETURN(std::string existing, tree_.resolve_directory(target, followed_lower));
    existing += existing.empty() ? name : "/" + name;
    if (existing == path) return {};
    LayerNode* from = tree_.find(existing);
    if (from == nullptr || !from->exists || from->entry.is_directory()) return bad_target();
    if (existing.starts_with(path + "/")) return bad_target();  // making the link would remove its target
    ASSIGN_OR_RETURN(LayerNode* const node, place(path, false));
    if (from->on_disk) RETURN_IF_ERROR(writer_.make_hard_link(existing, path));
    if (!from->inode) from->inode = std::make_shared<const int>(0);
    node->entry = from->entry;
    node->entry.path = path;
    node->inode = from->inode;
    node->exists = node->explicit_entry = true;
    node->on_disk = from->on_disk;
    return {};
  }

  Status add_entry(TarItem& item, const std::string& path) {
    const bool device = item.type == EntryType::kCharDevice || item.type == EntryType::kBlockDevice;
    if (device) {
      if (devices_++ == 0) first_device_ = path;
      // 0:0 would be a whiteout to overlayfs, here or wherever the layer goes.
      if (item.dev_major == 0 && item.dev_minor == 0) return {};
    }
    ASSIGN_OR_RETURN(Entry entry, maker_.make(item, path));
    ASSIGN_OR_RETURN(LayerNode* const node, place(path, entry.is_directory()));
    switch (entry.type) {
      case EntryType::kFile:
        RETURN_IF_ERROR(write_file(item, entry));
        break;
      case EntryType::kDirectory:
        if (!node->exists) RETURN_IF_ERROR(writer_.make_directory(path));
        entry.opaque = node->entry.opaque;
        break;
      case EntryType::kSymlink:
      case EntryType::kFifo:
        RETURN_IF_ERROR(writer_.make_special(entry));
        break;
      default:
        break;
    }
    node->entry = std::move(entry);
    node->exists = node->explicit_entry = true;
    node->on_disk = !device;
    return {};
  }

  Status write_file(const TarItem& item, Entry& entry) {
    RETURN_IF_ERROR(data_.announce(item));
    entry.size = static_cast<std::uint64_t>(item.size);
    ASSIGN_OR_RETURN(const UniqueFd file, writer_.make_file(entry.path));
    RETURN_IF_ERROR(data_.write(file.get(), entry));
    return writer_.finish_file(file.get(), entry);
  }

  // Overlayfs has no opaque root: the names of the lower layers are hidden one by one.
  Status hide_below_opaque_root() {
    LayerNode& root = tree_.root();
    if (!root.entry.opaque) return {};
    depends_on_lower_ = true;
    for (const ViewEntry& lower : tree_.below().children("")) {
      auto& child = root.children[std::string(lower.entry->name())];
      if (!child) child = std::make_unique<LayerNode>();
      child->whiteout = true;
    }
    root.entry.opaque = false;
    return {};
  }

  // Depth first, so that a directory's times are set after everything in it is made. parse_tar_path() bounds
  // the depth to 2048.
  Status finish(LayerNode& node, const std::string& path) {
    node.entry.path = path;
    const bool is_root = path.empty();
    const std::size_t index = entries_.size();
    if (!is_root || node.explicit_entry) entries_.emplace_back();
    if (!is_root && !node.explicit_entry) implied_.push_back(path);
    bool xattr_whiteouts = false;
    for (auto& [name, child] : node.children) {
      const std::string child_path = is_root ? name : path + "/" + name;
      if (child->exists && child->entry.is_directory()) {
        // A whiteout beside a directory: it replaces the lower one.
        child->entry.opaque = child->entry.opaque || child->whiteout;
        RETURN_IF_ERROR(finish(*child, child_path));
        continue;
      }
      if (!child->exists) {
        if (!child->whiteout) continue;  // removed again
        RETURN_IF_ERROR(writer_.make_whiteout(child_path, xattr_whiteouts));
        Entry whiteout;
        whiteout.path = child_path;
        whiteout.type = EntryType::kWhiteout;
        entries_.push_back(std::move(whiteout));
        continue;
      }
      child->entry.path = child_path;
      if (!child->on_disk && options_.layer && lower_entry(child_path)) {
        // The device is not made, but what it replaces must not show.
        RETURN_IF_ERROR(writer_.make_whiteout(child_path, xattr_whiteouts));
      }
      if (child->inode) {
        const auto [first, fresh] = first_names_.try_emplace(child->inode.get(), child_path);
        if (!fresh) child->entry.hard_link_of = first->second;
      }
      entries_.push_back(std::move(child->entry));
    }
    node.children.clear();
    if (is_root && !node.explicit_entry) {
      // The topmost layer's root is what a mount shows: let it be that of the layers below.
      if (const auto lower = tree_.below().find("")) node.entry = *lower->entry;
    }
    if (xattr_whiteouts && !node.entry.opaque) RETURN_IF_ERROR(writer_.mark_xattr_whiteouts(path));
    if (node.entry.opaque) RETURN_IF_ERROR(writer_.mark_opaque(path));
    node.entry.path = path;
    RETURN_IF_ERROR(writer_.finish_directory(node.entry));
    if (!is_root || node.explicit_entry) entries_[index] = node.entry;
    return {};
  }

  std::vector<std::string> warnings() const {
    std::vector<std::string> lines;
    if (devices_ > 0) {
      lines.push_back(
          fmt::format("{} device file(s) cannot be made without root and are missing in builds on this layer "
                      "(first: '/{}')",
                      devices_, shown(first_device_)));
    }
    if (maker_.ignored_xattrs() > 0) {
      lines.push_back(fmt::format("{} extended attribute(s) were left out (first: {})",
                                  maker_.ignored_xattrs(), maker_.first_ignored_xattr()));
    }
    if (writer_.notes().dropped_xattrs > 0) {
      lines.push_back(fmt::format("{} extended attribute(s) could not be set (first: {})",
                                  writer_.notes().dropped_xattrs, writer_.notes().first_dropped_xattr));
    }
    if (names_kept_inside_ > 0) {
      lines.push_back(
          fmt::format("{} name(s) of the archive lead out of it with '..' and were kept inside "
                      "(first: '{}')",
                      names_kept_inside_, shown(first_name_kept_inside_)));
    }
    if (!reader_.warning().empty()) lines.push_back(reader_.warning());
    if (ignored_metadata_ > 0)
      lines.push_back(fmt::format("{} AUFS bookkeeping entries were left out", ignored_metadata_));
    return lines;
  }

  TarReader reader_;
  TreeWriter writer_;
  EntryMaker maker_;
  FileData data_;
  const UnpackOptions& options_;
  LayerTree tree_;
  std::vector<Entry> entries_;
  std::vector<std::string> implied_;
  std::unordered_map<const int*, std::string> first_names_;
  std::uint64_t items_ = 0;
  std::uint64_t metadata_bytes_ = 0;  // an upper bound of what is kept
  std::uint64_t devices_ = 0;
  std::string first_device_;
  std::uint64_t ignored_metadata_ = 0;
  std::uint64_t names_kept_inside_ = 0;
  std::string first_name_kept_inside_;
  bool depends_on_lower_ = false;
};

}  // namespace

Result<UnpackOutcome> unpack(ArchiveInput& input, int fs_fd, const UnpackOptions& options) {
  ASSIGN_OR_RETURN(IdMap ids, IdMap::of_process());
  return Unpacker(input, fs_fd, options, std::move(ids)).run();
}

}  // namespace shale::layer
