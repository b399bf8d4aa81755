// SPDX-License-Identifier: Apache-2.0
// ImageUnpacker: the layers of a foreign image, from blobs in the store to published layer directories,
// driven by an event loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "image/manifest.h"
#include "layer/archive.h"
#include "shale/digest.h"
#include "store/lease.h"

namespace shale::store {
class Store;
}

namespace shale::exporter {

class Progress;

// One image. Layers are unpacked one after the other, lowest first (each may depend on those below). Use:
//
//   while (!unpacker.done()) {
//     if (unpacker.fd() < 0 && blob of unpacker.next() is in the store) unpacker.start();
//     … when unpacker.fd() is readable: unpacker.advance();
//   }
//
// No function blocks for longer than a few database calls and the start or end of a process. One thread;
// store and lease outlive it. Destroying it in between kills the helper; what was published stays held by the
// lease.
class ImageUnpacker {
 public:
  struct Layer {
    Digest diff_id;
    image::Descriptor blob;
    Digest chain;                     // chain id up to and including it
    std::string id;                   // of the published directory; empty = still missing
    std::uint64_t content_bytes = 0;  // once published
  };

  // `blobs` has one descriptor for each diff_id, lowest first (kCorrupt otherwise). Layers that the store has
  // in this encoding are held by the lease at once.
  static Result<ImageUnpacker> create(store::Store& store, store::BuildLease& lease,
                                      std::vector<Digest> diff_ids, std::vector<image::Descriptor> blobs,
                                      std::string encoding);

  [[nodiscard]] const std::vector<Layer>& layers() const { return layers_; }
  [[nodiscard]] bool done() const { return next_ == layers_.size(); }
  // Index of the lowest layer that is missing, also while it is being unpacked; layers().size() when done().
  [[nodiscard]] std::size_t next() const { return next_; }

  // Unpacks layers()[next()], whose blob is in the store and recorded there (Blobs::adopt). It is held by the
  // lease. Digest, size and diff_id are checked on the way.
  Status start();
  // While a layer is being unpacked: readable when advance() has something to do. -1 otherwise.
  [[nodiscard]] int fd() const { return job_ ? job_->fd() : -1; }
  // Takes in what the helper said. true = the layer has been published under layers()[i].id, and next() moved
  // on.
  Result<bool> advance();
  // Compressed bytes of the current layer read so far.
  [[nodiscard]] std::uint64_t bytes_read() const { return job_ ? job_->progress().bytes : 0; }

  // Ids of the directories, lowest first; complete when done().
  [[nodiscard]] std::vector<std::string> layer_ids() const;
  // Sum of the files' sizes of all layers.
  [[nodiscard]] std::uint64_t content_bytes() const;
  // Sentences for the user ("3 device files are recorded, not created"), since the last call.
  std::vector<std::string> take_warnings();

 private:
  ImageUnpacker(store::Store& store, store::BuildLease& lease, std::string encoding)
      : store_(&store), lease_(&lease), encoding_(std::move(encoding)) {}
  void skip_present();
  Status publish(const layer::ArchiveResult& result);

  store::Store* store_;
  store::BuildLease* lease_;
  std::string encoding_;
  std::vector<Layer> layers_;
  std::size_t next_ = 0;
  std::optional<layer::ArchiveJob> job_;
  store::WorkDirectory directory_;  // of the job
  std::vector<std::string> warnings_;
};

// All missing layers, whose blobs are all in the store, one after the other. Blocks.
Status unpack_all(ImageUnpacker& unpacker, const Progress& progress);

// Checks that the config belongs to the manifest's layers and gives what ImageUnpacker::create wants: the
// diff_ids.
Result<std::vector<Digest>> diff_ids_of(const std::string& config_json, std::size_t layer_count);

}  // namespace shale::exporter
