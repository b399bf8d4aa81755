// SPDX-License-Identifier: Apache-2.0
#include "export/foreign_layer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "layer/archive.h"
#include "layer/owner_encoding.h"
#include "store/blobs.h"
#include "store/lease.h"
#include "store/store.h"
#include "sys/files.h"

namespace shale::exporter {

namespace {

// Files of root alone, or of everybody's: what root's own files become in a namespace with one id.
bool readable_by_root_alone(const layer::Entry& entry) {
  const unsigned needed = entry.is_directory() ? 5U : 4U;
  return entry.uid == 0 || (entry.mode & needed) == needed;
}

std::optional<image::Descriptor> blob_of(store::Store& store, const std::vector<image::Descriptor>& blobs) {
  for (const image::Descriptor& blob : blobs)
    if (store.blobs().has(blob.digest)) return blob;
  return std::nullopt;
}

Result<layer::ArchiveResult> unpack_blob(store::Store& store, store::BuildLease& lease,
                                         const image::Descriptor& blob, layer::UnpackLayerSpec spec) {
  RETURN_IF_ERROR(lease.hold_blobs(store, std::span(&blob.digest, 1)));
  ASSIGN_OR_RETURN(const UniqueFd file, store.blobs().open(blob.digest, false));
  spec.input_fd = file.get();
  spec.blob_digest = blob.digest;
  spec.blob_bytes = blob.size;
  return layer::unpack_layer(spec);
}

// One helper writes the tar, another reads it: nothing is on a disk in between.
Result<layer::ArchiveResult> repack(store::Store& store, const store::LayerRecord& foreign,
                                    layer::UnpackLayerSpec spec) {
  ASSIGN_OR_RETURN(FdPair pipe, sys::make_pipe());
  layer::PackLayerSpec pack;
  pack.fs_path = store.layers().fs_path_absolute(foreign.id);
  pack.manifest_path = store.layers().manifest_path_absolute(foreign.id);
  pack.compression = layer::Compression::kNone;
  pack.output_fd = pipe.second.get();
  ASSIGN_OR_RETURN(layer::ArchiveJob packing, layer::start_pack_layer(pack));
  pipe.second.reset();
  spec.input_fd = pipe.first.get();
  ASSIGN_OR_RETURN(layer::ArchiveJob unpacking, layer::start_unpack_layer(spec));
  pipe.first.reset();
  Result<layer::ArchiveResult> unpacked = unpacking.wait();
  // What the packer could not read is the cause of what the unpacker says.
  if (Result<layer::ArchiveResult> packed = packing.wait(); !packed) return packed;
  return unpacked;
}

}  // namespace

Result<std::string> why_unreadable(store::Store& store, const store::LayerRecord& foreign) {
  // All files there are the user's own.
  if (foreign.encoding == layer::kSingleEncoding) return std::string();
  ASSIGN_OR_RETURN(const std::vector<image::Descriptor> blobs, store.layers().blobs_of(foreign.diff_id));
  if (blob_of(store, blobs)) return std::string();
  ASSIGN_OR_RETURN(const auto manifest, store.layers().load_manifest(foreign.id));
  ASSIGN_OR_RETURN(const UniqueFd root, sys::open_at(store.root_fd(), store::Layers::fs_path(foreign.id),
                                                     O_PATH | O_DIRECTORY | O_NOFOLLOW));
  for (const layer::Entry& entry : manifest->entries()) {
    if (!entry.is_file() && !entry.is_directory()) continue;
    // Root may read everything now, but not once it has one id.
    const bool readable =
        foreign.encoding == "identity"
            ? readable_by_root_alone(entry)
            : entry.is_directory() || ::faccessat(root.get(), entry.path.c_str(), R_OK, AT_EACCESS) == 0;
    if (!readable)
      return fmt::format(
          "its layer was made with a range of ids, of which this build has one and cannot read '/{}'",
          entry.path);
  }
  return std::string();
}

Result<std::optional<store::LayerRecord>> find_foreign_layer(store::Store& store, const Digest& diff_id,
                                                             const Digest& chain, const std::string& encoding,
                                                             std::string& reason) {
  ASSIGN_OR_RETURN(const std::vector<store::LayerRecord> others,
                   store.layers().find_diff_id_elsewhere(diff_id, chain, encoding));
  for (const store::LayerRecord& other : others) {
    ASSIGN_OR_RETURN(reason, why_unreadable(store, other));
    if (reason.empty()) return other;
  }
  return std::nullopt;
}

Result<store::LayerRecord> convert_layer(store::Store& store, store::BuildLease& lease,
                                         const store::LayerRecord& foreign, const std::string& encoding) {
  ASSIGN_OR_RETURN(store::WorkDirectory directory, lease.new_directory());
  layer::UnpackLayerSpec spec;
  spec.diff_id = foreign.diff_id;
  spec.fs_fd = directory.fs.get();
  spec.manifest_path = fmt::format("{}/{}", store.root(), directory.manifest_path());
  spec.owners = layer::owner_encoding_of(encoding);
  ASSIGN_OR_RETURN(const std::vector<image::Descriptor> blobs, store.layers().blobs_of(foreign.diff_id));
  const std::optional<image::Descriptor> blob = blob_of(store, blobs);
  Result<layer::ArchiveResult> made =
      blob ? unpack_blob(store, lease, *blob, spec) : repack(store, foreign, spec);
  if (!made)
    return fail(std::move(made.error())
                    .context(fmt::format("while making a layer of another isolation usable ({})",
                                         foreign.diff_id.to_string()))
                    .hint("--no-cache makes it anew"));
  // Its own manifest goes on to speak for it: parents that the tar only implies are not entries of the layer.
  ASSIGN_OR_RETURN(const auto manifest, store.layers().load_manifest(foreign.id));
  store::NewLayer copy;
  copy.manifest = manifest;
  copy.diff_id = foreign.diff_id;
  copy.tar_bytes = made->tar_bytes;
  copy.encoding = encoding;
  copy.chain_id = foreign.chain_id;
  copy.identity = store::NewLayer::Identity::kDiffId;
  return store.layers().publish(lease, std::move(directory), copy);
}

}  // namespace shale::exporter
