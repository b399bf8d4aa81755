// SPDX-License-Identifier: Apache-2.0
// FileData: the bytes of a tar's files on their way to the disk, holes and limits included.
#pragma once

#include <cstdint>

#include "layer/archive_input.h"
#include "layer/manifest.h"
#include "layer/tar_reader.h"

namespace shale::layer {

class FileData {
 public:
  // All of them must outlive it.
  FileData(const ArchiveInput& input, TarReader& reader, const ArchiveLimits& limits)
      : input_(input), reader_(reader), limits_(limits) {}

  // Before a file is made: it must still fit into the limit of bytes.
  Status announce(const TarItem& item);
  // Writes the data of the reader's current item, of `entry.size` bytes, to the empty file `fd`, and gives
  // the entry its digest. Holes stay holes.
  Status write(int fd, Entry& entry);

 private:
  // A hole costs the archive nothing, so it counts like what a decompression bomb expands to.
  Status count_hole(std::uint64_t bytes);

  const ArchiveInput& input_;
  TarReader& reader_;
  const ArchiveLimits& limits_;
  std::uint64_t file_bytes_ = 0;
  std::uint64_t hole_bytes_ = 0;
};

}  // namespace shale::layer
