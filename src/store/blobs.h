// SPDX-License-Identifier: Apache-2.0
// Blobs: compressed layers as registries know them, in files named by their SHA-256.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_set>

#include "base/sha256.h"
#include "base/unique_fd.h"
#include "shale/digest.h"

namespace shale::store {

class BuildLease;
struct StoreContext;

// An unfinished blob: bytes go in, commit() gives it its name. Without commit() nothing remains.
class BlobWriter {
 public:
  BlobWriter(BlobWriter&&) noexcept = default;
  BlobWriter& operator=(BlobWriter&&) noexcept = default;
  ~BlobWriter();
  Status write(std::string_view bytes);
  // For a helper that writes by itself (from offset 0); commit() then reads the file to hash it.
  [[nodiscard]] int fd() const { return fd_.get(); }
  // The digest of what was written, under which it can be found from now on, held by `lease`. `expected`, if
  // not empty, must be it (kCorrupt).
  Result<Digest> commit(const BuildLease& lease, const Digest& expected = {});
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  friend class Blobs;
  BlobWriter(StoreContext& context, UniqueFd fd, std::string name)
      : context_(&context), fd_(std::move(fd)), name_(std::move(name)) {}
  StoreContext* context_;
  UniqueFd fd_;
  std::string name_;  // in the blob directory; empty = it has that of its digest
  Sha256 sha_;
  std::uint64_t size_ = 0;
};

class Blobs {
 public:
  explicit Blobs(StoreContext& context) : context_(context) {}

  // The directory that holds them, absolute: for helpers (PullRequest::blob_directory).
  [[nodiscard]] std::string directory() const;
  // Absolute path of a blob, whether or not it is there.
  [[nodiscard]] std::string path(const Digest& digest) const;
  [[nodiscard]] bool has(const Digest& digest) const;
  [[nodiscard]] Result<std::uint64_t> size(const Digest& digest) const;
  // Opens for reading. The first time in this process the bytes are hashed (kCorrupt, and the blob is
  // removed, if they are not what the name says); `verify` false leaves that to a reader that hashes anyway.
  Result<UniqueFd> open(const Digest& digest, bool verify = true);
  Result<BlobWriter> create();
  // Records a blob that a helper has verified and put under its name, held by `lease`. Until then it is taken
  // for complete too, but does not survive a reboot. kNotFound if another process has removed it meanwhile.
  Status adopt(const BuildLease& lease, const Digest& digest);
  // Verifies the file `path` (any name on the same file system) and moves it to its place; the same then.
  Status adopt_file(const BuildLease& lease, const std::string& path, const Digest& digest);

 private:
  StoreContext& context_;
  std::mutex mutex_;
  std::unordered_set<Digest> verified_;
};

}  // namespace shale::store
