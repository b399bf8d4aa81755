// SPDX-License-Identifier: Apache-2.0
// TreeWriter: makes files, directories and links of a layer below one directory, by descriptors only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "layer/manifest.h"
#include "layer/owner_encoding.h"

namespace shale::layer {

// The ids this user namespace maps.
class IdMap {
 public:
  // Of this process.
  static Result<IdMap> of_process();
  // Errors name `path`, the id and what is mapped.
  Status check_uid(std::int64_t uid, std::string_view path) const { return check(uids_, uid, "uid", path); }
  Status check_gid(std::int64_t gid, std::string_view path) const { return check(gids_, gid, "gid", path); }

 private:
  struct Range {
    std::uint64_t first;
    std::uint64_t count;
  };
  static Result<std::vector<Range>> read(const char* file);
  static Status check(const std::vector<Range>& ranges, std::int64_t id, std::string_view what,
                      std::string_view path);

  std::vector<Range> uids_;
  std::vector<Range> gids_;
};

// Notes that become one warning each.
struct TreeNotes {
  std::uint64_t dropped_xattrs = 0;
  std::string first_dropped_xattr;
};

// Paths are canonical (see Entry::path) and their parents exist. No link is followed anywhere, so that nobody
// who changes the tree meanwhile can make a write land outside it. Names are created exclusively: what is in
// the way must be removed before.
class TreeWriter {
 public:
  // `own_files`: what is made stays the caller's, without attributes, whatever the entries say.
  explicit TreeWriter(int root_fd, bool own_files = false, OwnerEncoding owners = OwnerEncoding::kIds)
      : root_fd_(root_fd), own_files_(own_files), owners_(owners) {}

  // Modes and owners of directories come last, by finish_directory().
  Status make_directory(std::string_view path);
  Result<UniqueFd> make_file(std::string_view path);
  // Owner, attributes, mode and times, in the order in which none undoes another (a change of owner clears
  // the set-id bits and file capabilities).
  Status finish_file(int fd, Entry& entry);
  Status finish_directory(Entry& entry);
  // A symlink or fifo with its owner and times.
  Status make_special(const Entry& entry);
  Status make_hard_link(std::string_view existing, std::string_view path);
  // A whiteout. Where devices cannot be made, an empty file with an attribute; `by_xattr` then becomes true
  // and the directory needs mark_xattr_whiteouts().
  Status make_whiteout(std::string_view path, bool& by_xattr);
  Status mark_opaque(std::string_view directory);
  Status mark_xattr_whiteouts(std::string_view directory);
  // Removes a file or a whole directory.
  Status remove(std::string_view path);

  [[nodiscard]] const TreeNotes& notes() const { return notes_; }

 private:
  // The directory of `path`; valid until the next call.
  Result<int> parent(std::string_view path);
  Status set_xattrs(int fd, Entry& entry);

  int root_fd_;
  bool own_files_;
  OwnerEncoding owners_;
  UniqueFd parent_;
  std::string parent_path_;
  TreeNotes notes_;
};

}  // namespace shale::layer
