// SPDX-License-Identifier: Apache-2.0
#include "store/blobs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "store/context.h"
#include "store/lease.h"
#include "sys/file_digest.h"
#include "sys/files.h"
#include "sys/random_name.h"

namespace shale::store {

namespace {

// Within a transaction, in which the file gets its name or is seen under it: garbage collection looks at rows
// and removes files while it holds the write lock, so that it meets either nothing of a blob or all of it.
Status record(StoreContext& context, const BuildLease& lease, const Digest& digest, std::uint64_t size) {
  RETURN_IF_ERROR(context.database->run(
      "INSERT INTO blobs (digest, size, durable, boot_id, created) VALUES (?, ?, 0, ?, ?)"
      " ON CONFLICT (digest) DO NOTHING",
      digest, static_cast<std::int64_t>(size), std::string_view(context.boot_id), now_seconds()));
  return context.database->run("INSERT OR IGNORE INTO leases (build, kind, name) VALUES (?, 'blob', ?)",
                               std::string_view(lease.id()), digest);
}

Error mismatch(const Digest& expected, const Digest& found) {
  return Error(ErrorKind::kCorrupt, fmt::format("the blob {} has other bytes, whose digest is {}",
                                                expected.to_string(), found.to_string()));
}

}  // namespace

BlobWriter::~BlobWriter() {
  if (!name_.empty() && fd_) ::unlinkat(context_->blobs.get(), name_.c_str(), 0);
}

Status BlobWriter::write(std::string_view bytes) {
  RETURN_IF_ERROR(sys::write_all(fd_.get(), bytes));
  sha_.update(bytes);
  size_ += bytes.size();
  return {};
}

Result<Digest> BlobWriter::commit(const BuildLease& lease, const Digest& expected) {
  ASSIGN_OR_RETURN(const struct stat info, sys::stat_fd(fd_.get()));
  Digest digest;
  if (static_cast<std::uint64_t>(info.st_size) == size_ && size_ > 0) {
    digest = sha_.finish();
  } else {
    ASSIGN_OR_RETURN(digest, sys::digest_file(fd_.get(), "a new blob"));
    size_ = static_cast<std::uint64_t>(info.st_size);
  }
  if (!expected.empty() && digest != expected) return fail(mismatch(expected, digest));
  const std::string name = digest.hex();
  ASSIGN_OR_RETURN(Transaction transaction, context_->database->begin());
  if (::renameat(context_->blobs.get(), name_.c_str(), context_->blobs.get(), name.c_str()) != 0)
    return fail_errno(errno, fmt::format("rename a new blob to '{}'", name));
  name_.clear();
  RETURN_IF_ERROR(fd_.close());
  RETURN_IF_ERROR(record(*context_, lease, digest, size_));
  RETURN_IF_ERROR(transaction.commit());
  return digest;
}

std::string Blobs::directory() const { return fmt::format("{}/{}", context_.root_path, kBlobDirectory); }

std::string Blobs::path(const Digest& digest) const {
  return fmt::format("{}/{}", directory(), digest.hex());
}

bool Blobs::has(const Digest& digest) const { return sys::exists_at(context_.blobs.get(), digest.hex()); }

Result<std::uint64_t> Blobs::size(const Digest& digest) const {
  ASSIGN_OR_RETURN(const struct stat info, sys::stat_at(context_.blobs.get(), digest.hex()));
  return static_cast<std::uint64_t>(info.st_size);
}

Result<UniqueFd> Blobs::open(const Digest& digest, bool verify) {
  const std::string name = digest.hex();
  ASSIGN_OR_RETURN(UniqueFd fd, sys::open_at(context_.blobs.get(), name, O_RDONLY | O_NOFOLLOW));
  if (!verify) return fd;
  {
    const std::lock_guard lock(mutex_);
    if (verified_.contains(digest)) return fd;
  }
  ASSIGN_OR_RETURN(const Digest found, sys::digest_file(fd.get(), fmt::format("the blob '{}'", name)));
  if (found != digest) {
    // It can be had again from where it came; kept, it would fail every time.
    (void)::unlinkat(context_.blobs.get(), name.c_str(), 0);  // the mismatch is the error to report
    (void)context_.database->run("DELETE FROM blobs WHERE digest = ?", digest);
    return fail(mismatch(digest, found).hint("it was removed from the store; pull or build again"));
  }
  const std::lock_guard lock(mutex_);
  verified_.insert(digest);
  return fd;
}

Result<BlobWriter> Blobs::create() {
  // A name of its own instead of O_TMPFILE, which NFS and old overlays lack; what a killed process leaves is
  // removed after the next boot.
  std::string name = "ingest-" + sys::random_name();
  ASSIGN_OR_RETURN(UniqueFd fd,
                   sys::open_at(context_.blobs.get(), name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  return BlobWriter(context_, std::move(fd), std::move(name));
}

Status Blobs::adopt(const BuildLease& lease, const Digest& digest) {
  ASSIGN_OR_RETURN(Transaction transaction, context_.database->begin());
  const Result<std::uint64_t> bytes = size(digest);
  if (!bytes && bytes.error().errno_value() == ENOENT)
    return fail(
        Error(ErrorKind::kNotFound, fmt::format("blob {} is no longer in the store", digest.to_string()))
            .hint("another shale process cleaned the store at this moment: try again"));
  if (!bytes) return fail(Error(bytes.error()));
  RETURN_IF_ERROR(record(context_, lease, digest, *bytes));
  return transaction.commit();
}

Status Blobs::adopt_file(const BuildLease& lease, const std::string& path, const Digest& digest) {
  ASSIGN_OR_RETURN(const UniqueFd fd, sys::open_at(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW));
  ASSIGN_OR_RETURN(const Digest found, sys::digest_file(fd.get(), fmt::format("'{}'", path)));
  if (found != digest)
    return fail(mismatch(digest, found).context(fmt::format("taking '{}' into the store", path)));
  ASSIGN_OR_RETURN(const struct stat info, sys::stat_fd(fd.get()));
  ASSIGN_OR_RETURN(Transaction transaction, context_.database->begin());
  if (::renameat(AT_FDCWD, path.c_str(), context_.blobs.get(), digest.hex().c_str()) != 0)
    return fail_errno(errno, fmt::format("move '{}' into the store", path));
  RETURN_IF_ERROR(record(context_, lease, digest, static_cast<std::uint64_t>(info.st_size)));
  return transaction.commit();
}

}  // namespace shale::store
