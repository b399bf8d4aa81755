// SPDX-License-Identifier: Apache-2.0
#include "export/layout_target.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/sha256.h"
#include "image/config.h"
#include "sys/files.h"
#include "sys/umask.h"

namespace shale::exporter {

namespace {

std::string blob_name(const Digest& digest) { return "blobs/sha256/" + digest.hex(); }

// Passes bytes on to `sink` and checks that they are what was promised.
class CheckedSink {
 public:
  explicit CheckedSink(layer::ByteSink sink) : sink_(std::move(sink)) {}
  Status write(std::string_view bytes) {
    sha_.update(bytes);
    size_ += bytes.size();
    return sink_(bytes);
  }
  Status check(const Digest& digest, std::uint64_t size) {
    const Digest found = sha_.finish();
    if (size_ == size && found == digest) return {};
    return fail(
        Error(ErrorKind::kCorrupt, fmt::format("the layer {} would get other bytes, with digest {}",
                                               digest.to_string(), found.to_string()))
            .hint("its directory in the store was changed, or it came from elsewhere and its blob is gone"));
  }

 private:
  layer::ByteSink sink_;
  Sha256 sha_;
  std::uint64_t size_ = 0;
};

}  // namespace

Status LayoutTarget::add_blob(const Digest& digest, std::string_view bytes) {
  return add_blob(digest, bytes.size(), [&](const layer::ByteSink& sink) { return sink(bytes); });
}

Result<std::unique_ptr<TarTarget>> TarTarget::create(const std::string& path, const Progress& progress) {
  ASSIGN_OR_RETURN(OutputFile file, OutputFile::create(path, progress));
  return std::make_unique<TarTarget>(std::move(file));
}

TarTarget::TarTarget(OutputFile file) : file_(std::move(file)), tar_(file_.sink()) {}

Status TarTarget::add_document(std::string_view name, std::string_view bytes) {
  return tar_.add_file(name, bytes);
}

Status TarTarget::begin_blobs() {
  if (!written_.empty()) return {};
  RETURN_IF_ERROR(tar_.add_directory("blobs"));
  return tar_.add_directory("blobs/sha256");
}

Status TarTarget::add_blob(const Digest& digest, std::uint64_t size, int fd) {
  if (written_.contains(digest)) return {};
  RETURN_IF_ERROR(begin_blobs());
  written_.insert(digest);
  return tar_.add_file(blob_name(digest), size, fd);
}

Status TarTarget::add_blob(const Digest& digest, std::uint64_t size, const Producer& produce) {
  if (written_.contains(digest)) return {};
  RETURN_IF_ERROR(begin_blobs());
  written_.insert(digest);
  RETURN_IF_ERROR(tar_.begin_file(blob_name(digest), size));
  CheckedSink checked([this](std::string_view bytes) { return tar_.write(bytes); });
  RETURN_IF_ERROR(produce([&](std::string_view bytes) { return checked.write(bytes); }));
  RETURN_IF_ERROR(checked.check(digest, size));
  return tar_.end_file();
}

Status TarTarget::finish() {
  RETURN_IF_ERROR(tar_.finish());
  return file_.commit();
}

Status DirectoryTarget::open_locked(const std::string& path, mode_t mode) {
  constexpr int kTickMilliseconds = 50;
  while (true) {
    made_ = !sys::exists_at(AT_FDCWD, path);
    RETURN_IF_ERROR(sys::make_dir(AT_FDCWD, path, mode));
    ASSIGN_OR_RETURN(directory_, sys::open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
    bool waited = false;
    while (::flock(directory_.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK && errno != EINTR) return {};  // a file system without locks
      waited = true;
      RETURN_IF_ERROR(progress_.check());
      (void)::poll(nullptr, 0, kTickMilliseconds);  // ends early for a signal, which check() sees
    }
    if (!waited) return {};
    // Whoever made it takes it away again if it fails.
    ASSIGN_OR_RETURN(const struct stat locked, sys::stat_fd(directory_.get()));
    const Result<struct stat> named = sys::stat_at(AT_FDCWD, path, true);
    if (named && named->st_ino == locked.st_ino && named->st_dev == locked.st_dev) return {};
  }
}

Result<std::unique_ptr<DirectoryTarget>> DirectoryTarget::create(const std::string& path,
                                                                 const Progress& progress) {
  std::unique_ptr<DirectoryTarget> target(new DirectoryTarget(progress));
  target->path_ = path;
  const mode_t mode = 0777 & ~sys::user_umask();
  RETURN_IF_ERROR(target->open_locked(path, mode));
  if (!target->made_ && !sys::exists_at(target->directory_.get(), "oci-layout")) {
    ASSIGN_OR_RETURN(const std::vector<std::string> names, sys::list_dir(target->directory_.get()));
    if (!names.empty())
      return fail(
          Error(ErrorKind::kUsage, fmt::format("the directory '{}' is neither empty nor an OCI layout", path))
              .hint("name a directory that does not exist yet"));
  }
  RETURN_IF_ERROR(sys::make_dir(target->directory_.get(), "blobs", mode));
  ASSIGN_OR_RETURN(const UniqueFd blobs,
                   sys::open_beneath(target->directory_.get(), "blobs", O_RDONLY | O_DIRECTORY));
  RETURN_IF_ERROR(sys::make_dir(blobs.get(), "sha256", mode));
  ASSIGN_OR_RETURN(target->blobs_, sys::open_beneath(blobs.get(), "sha256", O_RDONLY | O_DIRECTORY));
  return target;
}

DirectoryTarget::~DirectoryTarget() {
  // Best effort: the error that led here is the one to report.
  for (const std::string& name : new_blobs_) ::unlinkat(blobs_.get(), name.c_str(), 0);
  if (made_ && directory_) (void)sys::remove_tree(AT_FDCWD, path_);
}

Result<std::optional<image::Index>> DirectoryTarget::existing_index() const {
  if (!sys::exists_at(directory_.get(), "index.json")) return std::optional<image::Index>{};
  ASSIGN_OR_RETURN(const std::string text,
                   sys::read_file(directory_.get(), "index.json", std::size_t{4} << 20));
  ASSIGN_OR_RETURN(image::ManifestOrIndex parsed, image::parse_manifest(text, image::kOciIndex));
  return std::optional<image::Index>(std::get<image::Index>(std::move(parsed)));
}

Status DirectoryTarget::add_document(std::string_view name, std::string_view bytes) {
  return sys::replace_file(directory_.get(), name, bytes, 0666 & ~sys::user_umask());
}

Status DirectoryTarget::add_blob(const Digest& digest, std::uint64_t size, int fd) {
  return add_blob(digest, size, [&](const layer::ByteSink& sink) -> Status {
    std::string buffer(std::size_t{1} << 20, '\0');
    for (;;) {
      const ssize_t got = ::read(fd, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail_errno(errno, fmt::format("read the blob {}", digest.to_string()));
      if (got == 0) return {};
      RETURN_IF_ERROR(sink(std::string_view(buffer.data(), static_cast<std::size_t>(got))));
    }
  });
}

Status DirectoryTarget::add_blob(const Digest& digest, std::uint64_t size, const Producer& produce) {
  const std::string name = digest.hex();
  if (sys::exists_at(blobs_.get(), name)) return {};
  ASSIGN_OR_RETURN(OutputFile file,
                   OutputFile::create(fmt::format("/proc/self/fd/{}/{}", blobs_.get(), name), progress_));
  CheckedSink checked(file.sink());
  RETURN_IF_ERROR(produce([&](std::string_view bytes) { return checked.write(bytes); }));
  RETURN_IF_ERROR(checked.check(digest, size));
  RETURN_IF_ERROR(file.commit());
  new_blobs_.push_back(name);
  return {};
}

Status DirectoryTarget::finish() {
  new_blobs_.clear();
  made_ = false;
  return {};
}

std::vector<image::Descriptor> index_entries(const ImageBundle& bundle, const image::Descriptor& manifest) {
  image::Descriptor entry = manifest;
  // A config that cannot be read has no platform to tell; everything else about it was checked when it came
  // in.
  if (const Result<image::ImageConfig> config = image::ImageConfig::parse(bundle.config_json)) {
    entry.platform = config->platform;
    if (!config->created.empty()) entry.annotations["org.opencontainers.image.created"] = config->created;
  }
  std::vector<image::Descriptor> entries;
  for (const image::ImageRef& name : bundle.names) {
    entries.push_back(entry);
    // As BuildKit and containerd write them: the full name, and the tag alone.
    entries.back().annotations["io.containerd.image.name"] = name.full();
    if (!name.tag.empty()) entries.back().annotations["org.opencontainers.image.ref.name"] = name.tag;
  }
  if (entries.empty()) entries.push_back(std::move(entry));
  return entries;
}

}  // namespace shale::exporter
