// SPDX-License-Identifier: Apache-2.0
#include "registry/blob_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>

#include "base/path.h"
#include "sys/files.h"
#include "sys/random_name.h"

namespace shale::registry {

namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr mode_t kMode = 0644;  // the store's directory is what keeps others out

}  // namespace

Result<BlobFile> BlobFile::create(const std::string& directory) {
  Result<UniqueFd> fd = sys::open_at(AT_FDCWD, directory, O_TMPFILE | O_RDWR, kMode);
  if (fd) return BlobFile(std::move(*fd), "");
  const int error = fd.error().errno_value();
  // Old kernels say EISDIR, file systems without such files EOPNOTSUPP.
  if (error != EOPNOTSUPP && error != EISDIR && error != EINVAL) return fail(std::move(fd.error()));
  std::string name = fmt::format("{}/ingest-{}", directory, sys::random_name());
  ASSIGN_OR_RETURN(UniqueFd named,
                   sys::open_at(AT_FDCWD, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, kMode));
  return BlobFile(std::move(named), std::move(name));
}

BlobFile::BlobFile(BlobFile&& other) noexcept
    : fd_(std::move(other.fd_)),
      temporary_(std::exchange(other.temporary_, {})),
      buffer_(std::move(other.buffer_)),
      hash_(other.hash_),
      size_(other.size_) {}

BlobFile::~BlobFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status BlobFile::write(std::string_view bytes) {
  size_ += bytes.size();
  buffer_ += bytes;
  return buffer_.size() >= kPiece ? flush() : Status{};
}

Status BlobFile::flush() {
  hash_.update(buffer_);
  Status status = sys::write_all(fd_.get(), buffer_);
  buffer_.clear();
  return status;
}

Status BlobFile::restart() {
  buffer_.clear();
  (void)hash_.finish();  // resets it
  size_ = 0;
  if (::ftruncate(fd_.get(), 0) != 0 || ::lseek(fd_.get(), 0, SEEK_SET) < 0)
    return fail_errno(errno, "empty a downloaded file");
  return {};
}

Result<Digest> BlobFile::finish() {
  RETURN_IF_ERROR(flush());
  return hash_.finish();
}

Status BlobFile::commit(const std::string& path, bool replace) {
  if (temporary_.empty() && !replace) {
    const std::string self = fmt::format("/proc/self/fd/{}", fd_.get());
    if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0 || errno == EEXIST)
      return {};
    return fail_errno(errno, fmt::format("name the file '{}'", path));
  }
  if (temporary_.empty()) {
    // A nameless file cannot replace a named one in one step: it gets a passing name first.
    std::string name = fmt::format("{}/ingest-{}", host_directory_of(path), sys::random_name());
    RETURN_IF_ERROR(commit(name, false));
    temporary_ = std::move(name);
  }
  if (::rename(temporary_.c_str(), path.c_str()) != 0)
    return fail_errno(errno, fmt::format("rename the download to '{}'", path));
  temporary_.clear();
  return {};
}

}  // namespace shale::registry
