// SPDX-License-Identifier: Apache-2.0
// ArchiveInput: a tar stream of foreign origin, hashed and decompressed by threads of its own, under limits.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/sha256.h"
#include "layer/archive.h"
#include "layer/archive_format.h"
#include "layer/buffer_queue.h"

namespace shale::layer {

struct ArchiveInputOptions {
  int fd = -1;
  bool keep_offset = false;  // read a regular file from its beginning without moving the descriptor's offset
  bool layer = false;        // only what a layer may be: gzip, zstd, uncompressed
  std::optional<Digest> blob_digest;
  std::optional<std::uint64_t> blob_bytes;
  std::optional<Digest> diff_id;
  ArchiveLimits limits;
  std::function<void(std::uint64_t wire_bytes)> progress;  // called from another thread
};

// One thread reads, hashes the bytes as they come and decompresses; a second hashes the uncompressed stream;
// next() gives it. Both have ended when the object is destroyed.
class ArchiveInput {
 public:
  explicit ArchiveInput(ArchiveInputOptions options);
  ~ArchiveInput();
  ArchiveInput(const ArchiveInput&) = delete;
  ArchiveInput& operator=(const ArchiveInput&) = delete;

  // The next bytes of the uncompressed stream, valid until the next call; empty at the end. Wrong digests and
  // sizes are errors at the end, damaged compression and passed limits where they occur.
  Result<std::string_view> next();

  [[nodiscard]] std::uint64_t wire_bytes() const { return wire_bytes_; }

  // Known once next() has given the end.
  struct Totals {
    Digest blob_digest;
    std::uint64_t blob_bytes = 0;
    Digest diff_id;
    std::uint64_t tar_bytes = 0;
  };
  [[nodiscard]] const Totals& totals() const { return totals_; }

 private:
  class Wire;
  class Decoder;
  class PlainDecoder;
  class GzipDecoder;
  class ZstdDecoder;
  class FilterDecoder;

  void decode();
  Status decode_all(Wire& wire);
  Result<std::unique_ptr<Decoder>> make_decoder(Wire& wire);
  Status check_ratio(std::uint64_t uncompressed) const;
  void hash();

  ArchiveInputOptions options_;
  std::atomic<std::uint64_t> wire_bytes_ = 0;
  Totals totals_;
  BufferQueue decoded_;
  BufferQueue hashed_;
  std::string current_;
  std::thread decoder_thread_;
  std::thread hash_thread_;
};

}  // namespace shale::layer
