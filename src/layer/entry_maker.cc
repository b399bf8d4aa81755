// SPDX-License-Identifier: Apache-2.0
#include "layer/entry_maker.h"

#include <fmt/format.h>

#include <algorithm>

#include "layer/overlay_encoding.h"

namespace shale::layer {
namespace {

// The last second of a 64-bit count of nanoseconds (2262). What lies outside becomes 0, as docker does.
constexpr std::int64_t kMaxTime = 9'223'372'036;

}  // namespace

Result<Entry> EntryMaker::make(const TarItem& item, const std::string& path) {
  Entry entry;
  entry.path = path;
  entry.type = item.type;
  entry.mode = item.type == EntryType::kSymlink ? 0777 : item.mode;
  if (!options_.squash_owners) RETURN_IF_ERROR(take_owner(item, entry));
  if (item.mtime_s >= 0 && item.mtime_s <= kMaxTime) {
    entry.mtime_s = item.mtime_s;
    entry.mtime_ns = item.mtime_ns;
  }
  entry.dev_major = item.dev_major;
  entry.dev_minor = item.dev_minor;
  if (item.type == EntryType::kSymlink) {
    if (item.link.empty())
      return fail(ErrorKind::kCorrupt, fmt::format("symlink '{}' has no target", shown(item.path)));
    entry.link_target = item.link;
  }
  if (item.type == EntryType::kFile || item.type == EntryType::kDirectory) take_xattrs(item, entry);
  return entry;
}

Status EntryMaker::take_owner(const TarItem& item, Entry& entry) const {
  if (options_.record_owners || options_.owners == OwnerEncoding::kAttributes) {
    constexpr std::int64_t kLastId = 0xfffffffe;  // the one after it means "no id"
    if (item.uid < 0 || item.uid > kLastId || item.gid < 0 || item.gid > kLastId)
      return fail(ErrorKind::kCorrupt, fmt::format("'/{}' belongs to {}:{}, which are no ids",
                                                   shown(item.path), item.uid, item.gid));
  } else {
    RETURN_IF_ERROR(ids_.check_uid(item.uid, entry.path));
    RETURN_IF_ERROR(ids_.check_gid(item.gid, entry.path));
  }
  entry.uid = static_cast<std::uint32_t>(item.uid);
  entry.gid = static_cast<std::uint32_t>(item.gid);
  return {};
}

void EntryMaker::take_xattrs(const TarItem& item, Entry& entry) {
  for (const EntryXattr& xattr : item.xattrs) {
    // Overlayfs's own attributes in a foreign layer would let it speak to our mounts.
    if (is_layer_xattr(xattr.name) && !xattr.name.starts_with(kOverlayXattrPrefix)) {
      entry.xattrs.push_back(xattr);
    } else if (ignored_xattrs_++ == 0) {
      first_ignored_xattr_ = fmt::format("{} of '/{}'", shown(xattr.name), shown(entry.path));
    }
  }
  // Of a repeated key the last one counts, as in a pax header.
  std::stable_sort(entry.xattrs.begin(), entry.xattrs.end(),
                   [](const auto& a, const auto& b) { return a.name < b.name; });
  const auto last = std::unique(entry.xattrs.rbegin(), entry.xattrs.rend(),
                                [](const auto& a, const auto& b) { return a.name == b.name; });
  entry.xattrs.erase(entry.xattrs.begin(), last.base());
}

}  // namespace shale::layer
