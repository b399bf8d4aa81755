// SPDX-License-Identifier: Apache-2.0
// LayerManifest: the full list of what one layer holds, so that questions about a layer never touch its tree.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shale/digest.h"

namespace shale::layer {

enum class EntryType : std::uint8_t {
  kFile = 1,
  kDirectory = 2,
  kSymlink = 3,
  kCharDevice = 4,
  kBlockDevice = 5,
  kFifo = 6,
  kSocket = 7,
  kWhiteout = 8,  // "this name, if a lower layer has it, is gone"
};

// "file", "directory", …: the word for messages.
[[nodiscard]] std::string_view entry_type_name(EntryType type);

struct EntryXattr {
  std::string name;
  std::string value;
  auto operator<=>(const EntryXattr&) const = default;
};

// One name in a layer.
struct Entry {
  std::string path;  // relative, plain names joined by '/', no leading '/'; "" = the root directory itself
  EntryType type = EntryType::kFile;
  bool opaque = false;     // directories: nothing of the lower layers shows through
  std::uint32_t mode = 0;  // 07777 only; symlinks 0777, whiteouts 0
  std::uint32_t uid = 0;   // as seen in the build's user namespace, i.e. as in the image
  std::uint32_t gid = 0;
  std::uint64_t size = 0;  // files: bytes, for every name of a hard-link group; otherwise 0
  std::int64_t mtime_s = 0;
  std::uint32_t mtime_ns = 0;
  Digest content;            // files: of the bytes, for every name of a hard-link group
  std::string link_target;   // symlinks: as stored
  std::string hard_link_of;  // path of the first entry of its group in sorted order; empty for that first one
  std::uint32_t dev_major = 0;
  std::uint32_t dev_minor = 0;
  std::vector<EntryXattr> xattrs;  // sorted by name; as seen inside: un-escaped, overlay's own stripped

  [[nodiscard]] bool is_directory() const { return type == EntryType::kDirectory; }
  [[nodiscard]] bool is_file() const { return type == EntryType::kFile; }
  [[nodiscard]] bool is_symlink() const { return type == EntryType::kSymlink; }
  [[nodiscard]] bool is_whiteout() const { return type == EntryType::kWhiteout; }
  // The last component of `path`; "" for the root.
  [[nodiscard]] std::string_view name() const;
  bool operator==(const Entry&) const = default;
};

// The order of entries: component by component, bytes within a component. A directory comes directly before
// its children, and all that is below it is one contiguous run. Negative, zero, positive.
[[nodiscard]] int compare_paths(std::string_view left, std::string_view right);

// True for a path an Entry may have: "" or plain names joined by '/', none of them empty, "." or "..", no
// NUL, each at most 255 bytes. The length of the whole is not limited by PATH_MAX.
[[nodiscard]] bool is_plain_path(std::string_view path);

// Immutable once made; share it by shared_ptr<const LayerManifest>. Reading is free of locks from any thread.
//
// Invariants, checked by build() and parse(): paths are plain, sorted and unique; the parent of every entry
// is there as a directory (the root may be missing: then the layer says nothing about "/" itself); a
// hard_link_of names an earlier file that is first of its group.
class LayerManifest {
 public:
  // The empty layer.
  LayerManifest() = default;
  // Sorts `entries`. An invariant that does not hold is an error naming the path.
  static Result<LayerManifest> build(std::vector<Entry> entries);
  // `bytes` from serialize(), of any origin: wrong magic or version, lengths beyond the end, bad paths and
  // broken invariants are ErrorKind::kCorrupt. `name` names the text in errors.
  static Result<LayerManifest> parse(std::string_view bytes, std::string_view name);
  // Reads and parses the file `path` below `dir` (AT_FDCWD allowed).
  static Result<LayerManifest> load(int dir, std::string_view path);

  // Compact binary, the same bytes for equal manifests on every machine.
  [[nodiscard]] std::string serialize() const;

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  // By binary search; nullptr if there is no such entry. `path` as in Entry::path.
  [[nodiscard]] const Entry* find(std::string_view path) const;
  // Index of the first entry behind everything below entries()[index].
  [[nodiscard]] std::size_t subtree_end(std::size_t index) const { return subtree_end_[index]; }

  // What identifies the content for the steps that follow: a hash over everything except modification times.
  // Computed anew on each call (about 0.3 µs per entry).
  [[nodiscard]] Digest content_key() const;
  // Sum of file sizes; the names of a hard-link group count once.
  [[nodiscard]] std::uint64_t total_bytes() const;

  bool operator==(const LayerManifest&) const = default;

 private:
  Status finish();

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> subtree_end_;
};

}  // namespace shale::layer
