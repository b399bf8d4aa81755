// SPDX-License-Identifier: Apache-2.0
#include "layer/file_data.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/sha256.h"
#include "sys/files.h"

namespace shale::layer {
namespace {

void hash_zeros(Sha256& hash, std::uint64_t bytes) {
  static constexpr std::array<char, 65536> kZeros{};
  while (bytes > 0) {
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, kZeros.size()));
    hash.update(std::string_view(kZeros.data(), part));
    bytes -= part;
  }
}

}  // namespace

Status FileData::announce(const TarItem& item) {
  const auto size = item.size < 0 ? UINT64_MAX : static_cast<std::uint64_t>(item.size);
  if (size > limits_.max_bytes || file_bytes_ > limits_.max_bytes - size) {
    return fail(ErrorKind::kUnsupported, fmt::format("'/{}' exceeds the limit of {} bytes of file data",
                                                     shown(item.path), limits_.max_bytes));
  }
  file_bytes_ += size;
  return {};
}

Status FileData::count_hole(std::uint64_t bytes) {
  hole_bytes_ += bytes;
  if (limits_.max_ratio != 0 && hole_bytes_ > limits_.ratio_free_bytes &&
      (hole_bytes_ - limits_.ratio_free_bytes) / limits_.max_ratio > input_.wire_bytes()) {
    return fail(ErrorKind::kUnsupported, fmt::format("the holes of sparse files expand the archive more "
                                                     "than {} times, which looks like a decompression bomb",
                                                     limits_.max_ratio));
  }
  return {};
}

Status FileData::write(int fd, Entry& entry) {
  Sha256 content;
  std::uint64_t at = 0;
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<TarReader::Piece> piece, reader_.data());
    if (!piece) break;
    if (piece->offset < at || piece->offset > entry.size ||
        piece->bytes.size() > entry.size - piece->offset) {
      return fail(ErrorKind::kCorrupt,
                  fmt::format("the data of '/{}' does not fit its size", shown(entry.path)));
    }
    if (piece->offset > at) {
      RETURN_IF_ERROR(count_hole(piece->offset - at));
      hash_zeros(content, piece->offset - at);
      if (::lseek(fd, static_cast<off_t>(piece->offset), SEEK_SET) < 0)
        return fail_errno(errno, "seek in a layer file");
      at = piece->offset;
    }
    content.update(piece->bytes);
    if (Status status = sys::write_all(fd, piece->bytes); !status)
      return fail(std::move(status.error()).context(fmt::format("while unpacking '/{}'", shown(entry.path))));
    at += piece->bytes.size();
  }
  if (at < entry.size) {
    RETURN_IF_ERROR(count_hole(entry.size - at));
    hash_zeros(content, entry.size - at);
    if (::ftruncate(fd, static_cast<off_t>(entry.size)) != 0) return fail_errno(errno, "extend a layer file");
  }
  entry.content = content.finish();
  return {};
}

}  // namespace shale::layer
