// SPDX-License-Identifier: Apache-2.0
// BlobFile: a file that gets its name only when its content is known to be right.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/sha256.h"
#include "base/unique_fd.h"

namespace shale::registry {

// Hashes and writes in one go, in pieces of a mebibyte. Has no name until commit() (O_TMPFILE), or, where the
// file system has no such files, one beginning with "ingest-" in the directory, which the destructor removes;
// what a killed process leaves among the store's blobs, the store removes after the next boot.
class BlobFile {
 public:
  static Result<BlobFile> create(const std::string& directory);
  BlobFile(BlobFile&& other) noexcept;
  BlobFile& operator=(BlobFile&&) = delete;
  BlobFile(const BlobFile&) = delete;
  BlobFile& operator=(const BlobFile&) = delete;
  ~BlobFile();

  Status write(std::string_view bytes);
  // Back to an empty file.
  Status restart();
  [[nodiscard]] std::uint64_t size() const { return size_; }
  // Writes the rest; the digest of everything. Call once.
  Result<Digest> finish();
  // Gives the file its name; with `replace`, in place of one that has it, else the one that is there stays.
  Status commit(const std::string& path, bool replace);

 private:
  BlobFile(UniqueFd fd, std::string temporary) : fd_(std::move(fd)), temporary_(std::move(temporary)) {}
  Status flush();

  UniqueFd fd_;
  std::string temporary_;  // "" = the file has no name
  std::string buffer_;
  Sha256 hash_;
  std::uint64_t size_ = 0;
};

}  // namespace shale::registry
