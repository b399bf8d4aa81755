// SPDX-License-Identifier: Apache-2.0
// shale load.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "export/found_image.h"
#include "export/transfer.h"
#include "layer/archive.h"
#include "layer/owner_encoding.h"
#include "sys/files.h"

namespace shale {

namespace {

using namespace exporter;

// Unpacks the archive into a directory of the lease.
Result<store::WorkDirectory> unpack_archive(store::Store& store, store::BuildLease& lease,
                                            const std::string& encoding, int input,
                                            const Progress& progress) {
  ASSIGN_OR_RETURN(store::WorkDirectory directory, lease.new_directory());
  ASSIGN_OR_RETURN(const struct stat info, sys::stat_fd(input));
  const std::uint64_t size = S_ISREG(info.st_mode) ? static_cast<std::uint64_t>(info.st_size) : 0;
  ASSIGN_OR_RETURN(layer::ArchiveJob job,
                   layer::start_extract_archive(
                       {.input_fd = input,
                        .fs_fd = directory.fs.get(),
                        .manifest_path = fmt::format("{}/{}", store.root(), directory.manifest_path()),
                        .squash_owners = true,
                        .owners = layer::owner_encoding_of(encoding)}));
  for (bool done = false; !done;) {
    RETURN_IF_ERROR(progress.wait(std::array{job.fd()}));
    ASSIGN_OR_RETURN(done, job.poll());
    progress.item("reading the archive", job.progress().bytes, size);
  }
  ASSIGN_OR_RETURN(const layer::ArchiveResult result, job.wait());
  progress.item("reading the archive", result.blob_bytes, result.blob_bytes, true);
  return directory;
}

Result<std::vector<FoundImage>> find_images(FoundFiles& files, const std::string& path,
                                            const Progress& progress) {
  if (files.has("oci-layout") && files.has("index.json"))
    return read_oci_layout(files, image::Platform::host(), progress);
  if (files.has("manifest.json")) return read_docker_archive(files, progress);
  return fail(Error(ErrorKind::kUsage, fmt::format("'{}' is neither an OCI layout nor a docker archive",
                                                   path == "-" ? "standard input" : path))
                  .hint("a root file system becomes an image with shale import"));
}

Result<Json> load(store::Store& store, store::BuildLease& lease, const std::string& encoding,
                  const std::string& path, const Progress& progress) {
  UniqueFd root;
  bool private_copy = false;
  if (path != "-") {
    ASSIGN_OR_RETURN(root, sys::open_at(AT_FDCWD, path, O_RDONLY));
  }
  store::WorkDirectory unpacked;
  struct stat info{};
  if (root) {
    ASSIGN_OR_RETURN(info, sys::stat_fd(root.get()));
  }
  if (!root || !S_ISDIR(info.st_mode)) {
    Result<store::WorkDirectory> directory =
        unpack_archive(store, lease, encoding, root ? root.get() : STDIN_FILENO, progress);
    if (!directory)
      return fail(std::move(directory.error())
                      .context(fmt::format("loading {}",
                                           path == "-" ? "standard input" : fmt::format("'{}'", path))));
    unpacked = std::move(*directory);
    root = std::move(unpacked.fs);
    private_copy = true;
  }
  FoundFiles files(store, lease, std::move(root), private_copy);
  ASSIGN_OR_RETURN(const std::vector<FoundImage> images, find_images(files, path, progress));
  TransferResult result;
  for (const FoundImage& found : images) {
    RETURN_IF_ERROR(record_image(store, lease, found, encoding, progress));
    result.digest = found.id;
    for (const image::ImageRef& name : found.names) result.names.push_back(name.familiar());
  }
  return to_json(result);
}

}  // namespace

Result<TransferResult> load_image(const std::string& store_root, const std::string& path, EventSink& events) {
  const auto work = [&](store::Store& store, store::BuildLease& lease, Inside& inside) {
    return in_step(inside.events(), 1, fmt::format("loading {}", path == "-" ? "from standard input" : path),
                   inside.stop_fd(), [&](const Progress& progress) {
                     return load(store, lease, inside.encoding(), path, progress);
                   });
  };
  ASSIGN_OR_RETURN(const Json result, run_transfer(store_root, events, work));
  return transfer_result_from(result);
}

}  // namespace shale
