// SPDX-License-Identifier: Apache-2.0
// Walks a manifest in order, reads its files and makes the tar stream in large buffers.
#include "layer/layer_stream.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <unordered_map>
#include <vector>

#include "base/path.h"
#include "layer/tar_writer.h"
#include "sys/files.h"

namespace shale::layer {
namespace {

// Below PATH_MAX (4096), with room for one more name.
constexpr std::size_t kMaxOpenPath = 3800;

class LayerStream {
 public:
  LayerStream(std::span<const Entry> entries, int fs_dirfd, std::size_t buffer_bytes, const FileHooks& hooks,
              const std::function<Status(std::string&&)>& sink)
      : entries_(entries), fs_dirfd_(fs_dirfd), buffer_bytes_(buffer_bytes), hooks_(hooks), sink_(sink) {
    buffer_.reserve(buffer_bytes_);
  }

  Status run() {
    // Whiteouts and opaque markers stand directly behind their directory: an unpacker that works through the
    // tar in order then removes old names before it makes new ones (BuildKit and containerd write them so
    // too).
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].is_whiteout()) whiteouts_[parent_of(entries_[i].path)].push_back(i);
    }
    if (entries_.empty() || !entries_.front().path.empty()) RETURN_IF_ERROR(put_whiteouts(""));
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const Entry& entry = entries_[i];
      if (entry.is_whiteout()) continue;
      if (entry.is_file() && entry.hard_link_of.empty()) {
        RETURN_IF_ERROR(put_file(i));
        continue;
      }
      RETURN_IF_ERROR(put(tar_header(entry)));
      if (!entry.is_directory()) continue;
      if (entry.opaque) RETURN_IF_ERROR(put(tar_opaque_marker(entry.path)));
      RETURN_IF_ERROR(put_whiteouts(entry.path));
    }
    RETURN_IF_ERROR(put(tar_end()));
    return buffer_.empty() ? Status{} : sink_(std::move(buffer_));
  }

 private:
  Status put(std::string_view bytes) {
    buffer_ += bytes;
    return buffer_.size() < buffer_bytes_ ? Status{} : flush();
  }

  // Buffers have exactly buffer_bytes_ each, but for the last: the members of a compressed layer then do not
  // depend on how the bytes came about.
  Status flush() {
    while (buffer_.size() >= buffer_bytes_) {
      std::string rest(buffer_, buffer_bytes_);
      rest.reserve(buffer_bytes_);
      buffer_.resize(buffer_bytes_);
      RETURN_IF_ERROR(sink_(std::move(buffer_)));
      buffer_ = std::move(rest);
    }
    return {};
  }

  Status put_whiteouts(std::string_view directory) {
    const auto found = whiteouts_.find(directory);
    if (found == whiteouts_.end()) return {};
    for (const std::size_t index : found->second) RETURN_IF_ERROR(put(tar_header(entries_[index])));
    return {};
  }

  Status put_file(std::size_t index) {
    const Entry& entry = entries_[index];
    const std::string_view parent = parent_of(entry.path);
    if (!directory_ || parent != directory_path_) {
      ASSIGN_OR_RETURN(directory_, open_directory_beneath(fs_dirfd_, parent));
      directory_path_ = parent;
    }
    // O_NONBLOCK: should a fifo stand here after all, the open must not wait for its writer.
    ASSIGN_OR_RETURN(const UniqueFd file, sys::open_at(directory_.get(), entry.name(),
                                                       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    ASSIGN_OR_RETURN(const struct stat status, sys::stat_fd(file.get()));
    if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) != entry.size) {
      return fail(ErrorKind::kCorrupt,
                  fmt::format("layer file '{}' is not what its manifest says", entry.path));
    }
    if (hooks_.opened) RETURN_IF_ERROR(hooks_.opened(index, file.get()));
    RETURN_IF_ERROR(put(tar_header(entry)));
    std::uint64_t left = entry.size;
    while (left > 0) {
      // Straight into the outgoing buffer: the bytes are not copied again.
      const std::size_t at = buffer_.size();
      const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer_bytes_ - at));
      buffer_.resize(at + wanted);
      const ssize_t got = ::read(file.get(), buffer_.data() + at, wanted);
      buffer_.resize(at + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail_errno(errno, fmt::format("read layer file '{}'", entry.path));
      if (got == 0)
        return fail(ErrorKind::kCorrupt, fmt::format("layer file '{}' shrank while it was read", entry.path));
      if (hooks_.data) hooks_.data(index, std::string_view(buffer_).substr(at));
      left -= static_cast<std::uint64_t>(got);
      if (buffer_.size() >= buffer_bytes_) RETURN_IF_ERROR(flush());
    }
    if (hooks_.done) RETURN_IF_ERROR(hooks_.done(index));
    return put(tar_padding(entry.size));
  }

  std::span<const Entry> entries_;
  int fs_dirfd_;
  std::size_t buffer_bytes_;
  const FileHooks& hooks_;
  const std::function<Status(std::string&&)>& sink_;
  std::string buffer_;
  std::unordered_map<std::string_view, std::vector<std::size_t>> whiteouts_;  // by directory
  UniqueFd directory_;                                                        // of the last file
  std::string_view directory_path_;
};

}  // namespace

Status stream_layer(std::span<const Entry> entries, int fs_dirfd, std::size_t buffer_bytes,
                    const FileHooks& hooks, const std::function<Status(std::string&&)>& sink) {
  return LayerStream(entries, fs_dirfd, buffer_bytes, hooks, sink).run();
}

Result<UniqueFd> open_directory_beneath(int root, std::string_view path, int flags) {
  flags |= O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
  if (path.empty()) return sys::open_at(root, ".", flags);
  UniqueFd at;
  while (path.size() > kMaxOpenPath) {
    const std::size_t slash = path.rfind('/', kMaxOpenPath);
    if (slash == std::string_view::npos) return fail_errno(ENAMETOOLONG, fmt::format("open '{}'", path));
    ASSIGN_OR_RETURN(at, sys::open_beneath(at ? at.get() : root, path.substr(0, slash),
                                           O_PATH | O_DIRECTORY | O_NOFOLLOW));
    path.remove_prefix(slash + 1);
  }
  return sys::open_beneath(at ? at.get() : root, path, flags);
}

Status write_layer_tar(const LayerManifest& manifest, int fs_dirfd, const ByteSink& sink) {
  constexpr std::size_t kBufferBytes = std::size_t{1} << 20;
  return stream_layer(manifest.entries(), fs_dirfd, kBufferBytes, {},
                      [&](const std::string& buffer) { return sink(buffer); });
}

}  // namespace shale::layer
