// SPDX-License-Identifier: Apache-2.0
// Tar writing. Its bytes are a layer's identity (diff_id), so this is our own code and every choice in it is
// fixed: ustar headers, PAX records only where ustar cannot say it, sorted, numeric ids, whole-second times.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "layer/manifest.h"

namespace shale::layer {

// Takes the next bytes of a stream; the bytes are valid only during the call. An error ends the stream.
using ByteSink = std::function<Status(std::string_view)>;

// The tar of a layer: entries in manifest order, except that a directory's opaque marker (.wh..wh..opq) and
// whiteouts (.wh.NAME) come directly after it, before its other children. File bytes are read below
// `fs_dirfd`, following no link; a file whose size is not the manifest's is an error. The same manifest and
// contents give the same bytes on every machine. Sockets are left out (tar has none). A manifest without a
// root entry gives no "./".
Status write_layer_tar(const LayerManifest& manifest, int fs_dirfd, const ByteSink& sink);

// The header blocks of one entry (PAX records included), without its data. For write_layer_tar and
// describe_upper. Empty for a socket.
[[nodiscard]] std::string tar_header(const Entry& entry);
// The marker that makes the directory `path` opaque.
[[nodiscard]] std::string tar_opaque_marker(std::string_view path);
// Zero bytes that fill `size` up to a whole block.
[[nodiscard]] std::string_view tar_padding(std::uint64_t size);
// The two zero blocks at the end.
[[nodiscard]] std::string_view tar_end();

// A tar of plain files, for OCI and docker archives: everything owned by 0:0, files 0644, directories 0755.
class TarStream {
 public:
  // `mtime_s`: seconds since 1970 for every entry.
  explicit TarStream(ByteSink sink, std::int64_t mtime_s = 0) : sink_(std::move(sink)), mtime_s_(mtime_s) {}

  // `name` relative, plain ("blobs/sha256/…").
  Status add_directory(std::string_view name);
  Status add_symlink(std::string_view name, std::string_view target);
  Status add_file(std::string_view name, std::string_view bytes);
  // `size` bytes from `fd`, from its current offset; fewer is an error.
  Status add_file(std::string_view name, std::uint64_t size, int fd);
  // Piecewise: begin_file, then write() until exactly `size` bytes were given, then end_file.
  Status begin_file(std::string_view name, std::uint64_t size);
  Status write(std::string_view bytes);
  Status end_file();
  // The end marker. Once, last.
  Status finish();
  [[nodiscard]] std::uint64_t bytes_written() const { return written_; }

 private:
  Status put(std::string_view bytes);

  ByteSink sink_;
  std::int64_t mtime_s_;
  std::uint64_t written_ = 0;
  std::uint64_t file_size_ = 0;
  std::uint64_t file_left_ = 0;
};

}  // namespace shale::layer
