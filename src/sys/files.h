// SPDX-License-Identifier: Apache-2.0
// Files: open, read, write, copy, replace. Every function reports the path it was given; descriptors are
// close-on-exec. `dir` is a directory descriptor or AT_FDCWD; relative paths are relative to it.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace shale::sys {

// A copy of `path` is made for the terminating NUL; an embedded NUL is an error (EINVAL).
Result<UniqueFd> open_at(int dir, std::string_view path, int flags, mode_t mode = 0);

// Opens `path` as if `root` were the root directory of the file system: absolute links, "..", and links that
// climb stay inside; /proc magic links are refused (openat2: RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS). For
// every path that comes from an image, a layer or a context.
Result<UniqueFd> open_in_root(int root, std::string_view path, int flags, mode_t mode = 0);

// Opens `path` below `root`, following no link at all
// (RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS|RESOLVE_NO_MAGICLINKS). For paths already resolved to plain names,
// such as those of our own layer directories.
Result<UniqueFd> open_beneath(int root, std::string_view path, int flags, mode_t mode = 0);

// Whole content of a regular file; more than `limit` bytes is an error.
Result<std::string> read_file(int dir, std::string_view path, std::size_t limit = std::size_t{64} << 20);
Result<std::string> read_fd(int fd, std::string_view name, std::size_t limit = std::size_t{64} << 20);

// Writes all of it, through short writes and EINTR.
Status write_all(int fd, std::string_view bytes);

// Replaces `path` in one step: temporary file in the same directory, then rename. With `durable`, the file is
// synced first, so that a power cut leaves the old or the new content.
Status replace_file(int dir, std::string_view path, std::string_view bytes, mode_t mode,
                    bool durable = false);

Result<struct stat> stat_at(int dir, std::string_view path, bool follow_links = false);
Result<struct stat> stat_fd(int fd);
bool exists_at(int dir, std::string_view path);

Result<std::string> read_link(int dir, std::string_view path);

// mkdir that accepts an existing directory. `parents` makes the missing ones too, all with `mode`.
Status make_dir(int dir, std::string_view path, mode_t mode, bool parents = false);

// Names in a directory without "." and "..", sorted by bytes.
Result<std::vector<std::string>> list_dir(int dir_fd);

// Removes a tree without following links and without recursion limits; missing is fine. Unreadable
// directories are made accessible on the way (needs to own them). Names of other file systems below are not
// crossed into.
Status remove_tree(int dir, std::string_view path);

// The data of `from` from its current offset to `to`, by reflink, copy_file_range or read/write, whichever
// works. Returns the bytes copied.
Result<std::uint64_t> copy_data(int from, int to);

// Extended attributes of an open file (any type that an O_PATH descriptor can name is reached through
// /proc/self/fd). An empty list where the file system has none.
struct Xattr {
  std::string name;
  std::string value;
  auto operator<=>(const Xattr&) const = default;
};
// Sorted by name.
Result<std::vector<Xattr>> list_xattrs(int fd);
// The same for a name in a directory, not following a link.
Result<std::vector<Xattr>> list_xattrs_at(int dir, std::string_view path);
Status set_xattr(int fd, const std::string& name, std::string_view value);
Status set_xattr_at(int dir, std::string_view path, const std::string& name, std::string_view value);

// A private directory under $TMPDIR (or /tmp); removed by the destructor.
class TempDir {
 public:
  static Result<TempDir> create(std::string_view prefix);
  TempDir(TempDir&& other) noexcept;
  TempDir& operator=(TempDir&& other) noexcept;
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit TempDir(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace shale::sys
