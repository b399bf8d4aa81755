// SPDX-License-Identifier: Apache-2.0
// TarReader: the entries of a foreign tar, read by libarchive, with its leniencies turned into errors or
// warnings.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layer/archive_input.h"
#include "layer/manifest.h"

struct archive;

namespace shale::layer {

// What one header says. Nothing in it is to be trusted.
struct TarItem {
  std::string path;  // raw
  EntryType type = EntryType::kFile;
  bool hard_link = false;
  std::string link;  // target of a symlink or hard link, raw
  std::uint32_t mode = 0;
  std::int64_t uid = 0;
  std::int64_t gid = 0;
  std::int64_t size = 0;
  std::int64_t mtime_s = 0;
  std::uint32_t mtime_ns = 0;
  std::uint32_t dev_major = 0;
  std::uint32_t dev_minor = 0;
  std::vector<EntryXattr> xattrs;  // as they come
};

// A name as it may be shown: control bytes, invalid UTF-8 and bidirectional overrides escaped.
std::string shown(std::string_view name);

// What a tar's end that is not as it should be comes to: an error, or a warning for one that may be made by
// hand.
enum class OddEnd : std::uint8_t { kRefused, kTold };

class TarReader {
 public:
  TarReader(ArchiveInput& input, OddEnd odd_end);
  ~TarReader();
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;

  // The next entry; none at the end marker. A tar that is damaged or cut short within an entry is an error;
  // one that has no end marker, or goes on behind it, is what OddEnd says.
  Result<std::optional<TarItem>> next();

  // A piece of the current entry's data at an offset (holes of sparse files are left out); none at its end.
  struct Piece {
    std::string_view bytes;  // valid until the next call
    std::uint64_t offset = 0;
  };
  Result<std::optional<Piece>> data();

  // What is wrong with the end, if that is a warning; empty before the end.
  [[nodiscard]] const std::string& warning() const { return warning_; }

 private:
  static long supply(archive* handle, void* self, const void** bytes);
  Error error(std::string_view what);
  Status finish();
  Status odd(std::string_view text);

  ArchiveInput& input_;
  const OddEnd odd_end_;
  std::unique_ptr<archive, int (*)(archive*)> archive_;
  std::string_view chunk_;          // the last one given to libarchive, …
  std::uint64_t chunk_offset_ = 0;  // … and where it began in the stream
  std::optional<Error> input_error_;
  std::string current_;
  std::string warning_;
  bool opened_ = false;
};

}  // namespace shale::layer
