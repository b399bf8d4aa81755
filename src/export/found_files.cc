// SPDX-License-Identifier: Apache-2.0
// Files of a foreign layout, and their way into the store.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "export/found_image.h"
#include "export/layer_blob.h"
#include "store/blobs.h"
#include "store/lease.h"
#include "store/store.h"
#include "sys/file_digest.h"
#include "sys/files.h"

namespace shale::exporter {

namespace {

constexpr std::size_t kMaxDocument = std::size_t{4}
                                     << 20;  // what containers/image accepts for a manifest or a config

std::string blob_path(const Digest& digest) { return "blobs/sha256/" + digest.hex(); }

Error missing(const std::string& path) {
  return Error(ErrorKind::kNotFound, fmt::format("the image layout has no file '{}'", path))
      .hint("the archive is incomplete, or not one of an image");
}

// Reads `fd` from its beginning to its end.
template <typename Sink>
Status read_through(int fd, const std::string& path, const Sink& sink) {
  std::string buffer(std::size_t{1} << 20, '\0');
  for (off_t offset = 0;;) {
    const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, fmt::format("read '{}' of the image layout", path));
    if (got == 0) return {};
    RETURN_IF_ERROR(sink(std::string_view(buffer.data(), static_cast<std::size_t>(got))));
    offset += got;
  }
}

}  // namespace

Result<UniqueFd> FoundFiles::open(const std::string& path) const {
  // In the root, so that links between files of an archive (docker's older ones have them) work and lead
  // nowhere else. O_NONBLOCK: a FIFO would make us wait.
  Result<UniqueFd> fd = sys::open_in_root(root_.get(), path, O_RDONLY | O_NONBLOCK);
  if (!fd) {
    if (fd.error().errno_value() == ENOENT) return fail(missing(path));
    return fail(std::move(fd.error()).context(fmt::format("reading '{}' of the image layout", path)));
  }
  ASSIGN_OR_RETURN(const struct stat info, sys::stat_fd(fd->get()));
  if (!S_ISREG(info.st_mode))
    return fail(ErrorKind::kCorrupt, fmt::format("'{}' of the image layout is not a regular file", path));
  return fd;
}

bool FoundFiles::has(std::string_view path) const { return sys::exists_at(root_.get(), path); }

Result<std::string> FoundFiles::read(const std::string& path) const {
  ASSIGN_OR_RETURN(const UniqueFd fd, open(path));
  return sys::read_fd(fd.get(), path, kMaxDocument);
}

Result<std::string> FoundFiles::read_blob(const image::Descriptor& descriptor) const {
  ASSIGN_OR_RETURN(std::string text, read(blob_path(descriptor.digest)));
  if (text.size() != descriptor.size || Digest::of(text) != descriptor.digest)
    return fail(ErrorKind::kCorrupt, fmt::format("the blob {} of the image layout has other bytes",
                                                 descriptor.digest.to_string()));
  return text;
}

Status FoundFiles::take(const std::string& path, UniqueFd fd, const Digest& digest) {
  if (private_copy_) {
    // By the name the kernel knows it under: links were followed, and nobody but us changes anything here.
    ASSIGN_OR_RETURN(const std::string real,
                     sys::read_link(AT_FDCWD, fmt::format("/proc/self/fd/{}", fd.get())));
    if (::fchmod(fd.get(), 0600) != 0) return fail_errno(errno, fmt::format("change the mode of '{}'", path));
    return store_.blobs().adopt_file(*lease_, real, digest);
  }
  ASSIGN_OR_RETURN(store::BlobWriter writer, store_.blobs().create());
  RETURN_IF_ERROR(read_through(fd.get(), path, [&](std::string_view bytes) { return writer.write(bytes); }));
  RETURN_IF_ERROR(writer.commit(*lease_, digest));
  return {};
}

Status FoundFiles::take_blob(const image::Descriptor& descriptor) {
  if (store_.blobs().has(descriptor.digest)) return store_.blobs().adopt(*lease_, descriptor.digest);
  const std::string path = blob_path(descriptor.digest);
  ASSIGN_OR_RETURN(UniqueFd fd, open(path));
  ASSIGN_OR_RETURN(const struct stat info, sys::stat_fd(fd.get()));
  if (static_cast<std::uint64_t>(info.st_size) != descriptor.size)
    return fail(ErrorKind::kCorrupt,
                fmt::format("'{}' of the image layout has {} bytes, the manifest says {}", path, info.st_size,
                            descriptor.size));
  return take(path, std::move(fd), descriptor.digest);
}

Result<image::Descriptor> FoundFiles::take_layer(const std::string& path, const Digest& diff_id) {
  std::array<char, 8> first{};
  image::Descriptor blob;
  // A plain layer that is in the store was perhaps moved from here: the same file may stand for several
  // images.
  if (store_.blobs().has(diff_id)) {
    blob = {.media_type = std::string(image::kOciLayer), .digest = diff_id};
    ASSIGN_OR_RETURN(blob.size, store_.blobs().size(diff_id));
    RETURN_IF_ERROR(store_.blobs().adopt(*lease_, diff_id));
    return blob;
  }
  ASSIGN_OR_RETURN(UniqueFd fd, open(path));
  ASSIGN_OR_RETURN(const struct stat info, sys::stat_fd(fd.get()));
  const ssize_t got = ::pread(fd.get(), first.data(), first.size(), 0);
  if (got < 0) return fail_errno(errno, fmt::format("read '{}' of the image layout", path));
  const layer::Compression compression =
      sniff_compression(std::string_view(first.data(), static_cast<std::size_t>(got)));
  blob = {.media_type = std::string(oci_layer_type(compression)),
          .digest = diff_id,
          .size = static_cast<std::uint64_t>(info.st_size)};
  if (compression != layer::Compression::kNone) {
    ASSIGN_OR_RETURN(blob.digest, sys::digest_file(fd.get(), fmt::format("'{}' of the image layout", path)));
    // A second image of the archive may have moved it.
    if (store_.blobs().has(blob.digest)) {
      RETURN_IF_ERROR(store_.blobs().adopt(*lease_, blob.digest));
      return blob;
    }
  }
  RETURN_IF_ERROR(take(path, std::move(fd), blob.digest));
  return blob;
}

}  // namespace shale::exporter
