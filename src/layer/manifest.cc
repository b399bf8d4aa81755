// SPDX-License-Identifier: Apache-2.0
// The invariants, searches and hash of a LayerManifest. Its file format is in manifest_format.cc.
#include "layer/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/path.h"
#include "base/sha256.h"
#include "sys/files.h"

namespace shale::layer {
namespace {

// Names are at most 255 bytes on every file system Linux has (NAME_MAX).
constexpr std::size_t kNameMax = 255;
// 10 million entries take about 1 GB; more is refused when a manifest file is read.
constexpr std::size_t kMaxManifestBytes = std::size_t{4} << 30;

Error broken(std::string_view path, std::string_view why) {
  return Error(ErrorKind::kCorrupt, fmt::format("layer entry '{}' {}", path, why));
}

}  // namespace

std::string_view entry_type_name(EntryType type) {
  switch (type) {
    case EntryType::kFile:
      return "file";
    case EntryType::kDirectory:
      return "directory";
    case EntryType::kSymlink:
      return "symlink";
    case EntryType::kCharDevice:
      return "character device";
    case EntryType::kBlockDevice:
      return "block device";
    case EntryType::kFifo:
      return "fifo";
    case EntryType::kSocket:
      return "socket";
    case EntryType::kWhiteout:
      return "whiteout";
  }
  return "unknown";
}

std::string_view Entry::name() const {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string_view(path) : std::string_view(path).substr(slash + 1);
}

int compare_paths(std::string_view left, std::string_view right) {
  const std::size_t common = std::min(left.size(), right.size());
  const auto [a, b] =
      std::mismatch(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(common), right.begin());
  if (a == left.begin() + static_cast<std::ptrdiff_t>(common)) {
    return left.size() == right.size() ? 0 : left.size() < right.size() ? -1 : 1;
  }
  // '/' sorts before every byte a name may have, so that "a/b" comes before "a-b".
  const int x = *a == '/' ? 0 : static_cast<unsigned char>(*a);
  const int y = *b == '/' ? 0 : static_cast<unsigned char>(*b);
  return x - y;
}

bool is_plain_path(std::string_view path) {
  if (path.empty()) return true;
  std::size_t start = 0;
  while (true) {
    const std::size_t slash = std::min(path.find('/', start), path.size());
    const std::string_view name = path.substr(start, slash - start);
    if (name.empty() || name.size() > kNameMax || name == "." || name == "..") return false;
    if (name.find('\0') != std::string_view::npos) return false;
    if (slash == path.size()) return true;
    start = slash + 1;
  }
}

Result<LayerManifest> LayerManifest::build(std::vector<Entry> entries) {
  const auto before = [](const Entry& a, const Entry& b) { return compare_paths(a.path, b.path) < 0; };
  if (!std::is_sorted(entries.begin(), entries.end(), before))
    std::sort(entries.begin(), entries.end(), before);
  LayerManifest manifest;
  manifest.entries_ = std::move(entries);
  RETURN_IF_ERROR(manifest.finish());
  return manifest;
}

Result<LayerManifest> LayerManifest::load(int dir, std::string_view path) {
  ASSIGN_OR_RETURN(const std::string bytes, sys::read_file(dir, path, kMaxManifestBytes));
  return parse(bytes, path);
}

Status LayerManifest::finish() {
  if (entries_.size() >= std::numeric_limits<std::uint32_t>::max()) {
    return fail(ErrorKind::kCorrupt, "the layer has too many entries");
  }
  subtree_end_.assign(entries_.size(), 0);
  std::vector<std::uint32_t> open;  // the directories above the current entry
  const auto close_top = [&](std::size_t end) {
    subtree_end_[open.back()] = static_cast<std::uint32_t>(end);
    open.pop_back();
  };
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    if (!is_plain_path(entry.path)) return fail(broken(entry.path, "has an unusable path"));
    if (i > 0 && compare_paths(entries_[i - 1].path, entry.path) >= 0) {
      return fail(
          broken(entry.path, entries_[i - 1].path == entry.path ? "is there twice" : "is out of order"));
    }
    if (entry.path.empty() && !entry.is_directory()) return fail(broken("/", "is not a directory"));
    const std::string_view parent = parent_of(entry.path);
    while (!open.empty() && entries_[open.back()].path != parent) close_top(i);
    const bool below_root = parent.empty();
    if (open.empty() && !below_root) return fail(broken(entry.path, "has no parent directory"));
    subtree_end_[i] = static_cast<std::uint32_t>(i + 1);
    if (!entry.hard_link_of.empty()) {
      const Entry* first =
          compare_paths(entry.hard_link_of, entry.path) < 0 ? find(entry.hard_link_of) : nullptr;
      if (first == nullptr || first->type != entry.type || !first->hard_link_of.empty() ||
          entry.is_directory() || entry.is_whiteout()) {
        return fail(broken(entry.path, "is a hard link to nothing usable"));
      }
    }
    if (entry.is_directory()) open.push_back(static_cast<std::uint32_t>(i));
  }
  while (!open.empty()) close_top(entries_.size());
  return {};
}

const Entry* LayerManifest::find(std::string_view path) const {
  const auto at = std::lower_bound(
      entries_.begin(), entries_.end(), path,
      [](const Entry& entry, std::string_view key) { return compare_paths(entry.path, key) < 0; });
  return at != entries_.end() && at->path == path ? &*at : nullptr;
}

Digest LayerManifest::content_key() const {
  FieldHash hash("shale layer content 1");
  hash.add(std::uint64_t{entries_.size()});
  for (const Entry& entry : entries_) {
    hash.add(entry.path).add(static_cast<std::uint64_t>(entry.type) << 1 | (entry.opaque ? 1U : 0U));
    if (entry.is_whiteout()) continue;
    hash.add(std::uint64_t{entry.mode}).add(std::uint64_t{entry.uid}).add(std::uint64_t{entry.gid});
    switch (entry.type) {
      case EntryType::kFile:
        hash.add(entry.size).add(entry.content);
        break;
      case EntryType::kSymlink:
        hash.add(entry.link_target);
        break;
      case EntryType::kCharDevice:
      case EntryType::kBlockDevice:
        hash.add(std::uint64_t{entry.dev_major}).add(std::uint64_t{entry.dev_minor});
        break;
      default:
        break;
    }
    hash.add(entry.hard_link_of).add(std::uint64_t{entry.xattrs.size()});
    for (const EntryXattr& xattr : entry.xattrs) hash.add(xattr.name).add(xattr.value);
  }
  return hash.finish();
}

std::uint64_t LayerManifest::total_bytes() const {
  std::uint64_t total = 0;
  for (const Entry& entry : entries_) {
    if (entry.is_file() && entry.hard_link_of.empty()) total += entry.size;
  }
  return total;
}

}  // namespace shale::layer
