// SPDX-License-Identifier: Apache-2.0
// shale import: a root file system becomes an image of one layer.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>

#include "base/sha256.h"
#include "export/found_image.h"
#include "export/import_changes.h"
#include "export/rfc3339.h"
#include "export/transfer.h"
#include "layer/archive.h"
#include "layer/tar_writer.h"
#include "store/layers.h"
#include "sys/files.h"

namespace shale {

namespace {

using namespace exporter;

struct ImportSpec {
  std::string path;
  std::optional<image::ImageRef> name;
  image::ImageConfig config;
};

// Unpacks the tar and publishes it as a layer.
Result<store::LayerRecord> import_layer(store::Store& store, store::BuildLease& lease,
                                        const std::string& encoding, const std::string& path,
                                        const Progress& progress) {
  UniqueFd file;
  if (path != "-") {
    ASSIGN_OR_RETURN(file, sys::open_at(AT_FDCWD, path, O_RDONLY));
  }
  const int input = file ? file.get() : STDIN_FILENO;
  ASSIGN_OR_RETURN(const struct stat info, sys::stat_fd(input));
  const std::uint64_t size = S_ISREG(info.st_mode) ? static_cast<std::uint64_t>(info.st_size) : 0;
  ASSIGN_OR_RETURN(store::WorkDirectory directory, lease.new_directory());
  ASSIGN_OR_RETURN(layer::ArchiveJob job,
                   layer::start_extract_archive(
                       {.input_fd = input,
                        .fs_fd = directory.fs.get(),
                        .manifest_path = fmt::format("{}/{}", store.root(), directory.manifest_path()),
                        .owners = layer::owner_encoding_of(encoding)}));
  for (bool done = false; !done;) {
    RETURN_IF_ERROR(progress.wait(std::array{job.fd()}));
    ASSIGN_OR_RETURN(done, job.poll());
    progress.item("unpacking", job.progress().bytes, size);
  }
  ASSIGN_OR_RETURN(const layer::ArchiveResult result, job.wait());
  progress.item("unpacking", result.blob_bytes, result.blob_bytes, true);
  for (const std::string& text : result.warnings) progress.warn(text);

  // The layer's own tar, whose digest is its identity, is another one than was read.
  ASSIGN_OR_RETURN(const layer::LayerManifest manifest,
                   layer::LayerManifest::load(store.root_fd(), directory.manifest_path()));
  Sha256 sha;
  std::uint64_t tar_bytes = 0;
  std::uint64_t shown = 0;
  const auto hash = [&](std::string_view bytes) -> Status {
    sha.update(bytes);
    tar_bytes += bytes.size();
    constexpr std::uint64_t kShowEvery = std::uint64_t{16} << 20;
    if (tar_bytes < shown + kShowEvery) return {};
    shown = tar_bytes;
    progress.item("hashing", tar_bytes, result.tar_bytes);
    return progress.check();
  };
  RETURN_IF_ERROR(layer::write_layer_tar(manifest, directory.fs.get(), hash));
  progress.item("hashing", tar_bytes, tar_bytes, true);
  return store.layers().publish(lease, std::move(directory),
                                {.manifest = nullptr,
                                 .diff_id = sha.finish(),
                                 .content_key = result.content_key,
                                 .tar_bytes = tar_bytes,
                                 .content_bytes = manifest.total_bytes(),
                                 .entries = result.entries,
                                 .encoding = encoding,
                                 .identity = store::NewLayer::Identity::kDiffId});
}

Result<Json> import_inside(store::Store& store, store::BuildLease& lease, const std::string& encoding,
                           const ImportSpec& spec, const Progress& progress) {
  Result<store::LayerRecord> layer = import_layer(store, lease, encoding, spec.path, progress);
  if (!layer)
    return fail(std::move(layer.error())
                    .context(fmt::format("importing {}", spec.path == "-" ? "standard input"
                                                                          : fmt::format("'{}'", spec.path))));
  image::ImageConfig config = spec.config;
  config.created = format_rfc3339(std::chrono::system_clock::now());
  config.diff_ids = {layer->diff_id};
  // The comment is docker's, whatever the source was.
  config.history = {{.created = config.created, .comment = "Imported from -"}};
  FoundImage image;
  image.config_json = config.to_json();
  image.id = Digest::of(image.config_json);
  image.diff_ids = config.diff_ids;
  if (spec.name) image.names.push_back(*spec.name);
  RETURN_IF_ERROR(put_image(store, image, layer->content_bytes, {}));
  TransferResult result{.digest = image.id, .names = {}};
  if (spec.name) result.names.push_back(spec.name->familiar());
  return to_json(result);
}

}  // namespace

Result<TransferResult> import_image(const std::string& store_root, const std::string& path,
                                    const std::string& name, const std::vector<std::string>& changes,
                                    const std::string& platform, EventSink& events) {
  ImportSpec spec{.path = path};
  if (!name.empty()) {
    ASSIGN_OR_RETURN(spec.name, image::ImageRef::parse(name));
    if (spec.name->digest) return fail(ErrorKind::kUsage, "an imported image cannot be named by a digest");
  }
  image::Platform target = image::Platform::host();
  if (!platform.empty()) {
    ASSIGN_OR_RETURN(target, image::Platform::parse(platform));
  }
  ASSIGN_OR_RETURN(spec.config, config_of_changes(changes, target));
  const auto work = [&](store::Store& store, store::BuildLease& lease, Inside& inside) {
    return in_step(inside.events(), 1, fmt::format("importing {}", path == "-" ? "standard input" : path),
                   inside.stop_fd(), [&](const Progress& progress) {
                     return import_inside(store, lease, inside.encoding(), spec, progress);
                   });
  };
  ASSIGN_OR_RETURN(const Json result, run_transfer(store_root, events, work));
  return transfer_result_from(result);
}

}  // namespace shale
