// SPDX-License-Identifier: Apache-2.0
// A store with small layers and images in it, made without helper programs.
#pragma once

#include <fcntl.h>

#include <memory>
#include <string>
#include <vector>

#include "export/image_bundle.h"
#include "export/progress.h"
#include "image/config.h"
#include "layer/diff.h"
#include "layer/tar_writer.h"
#include "store/blobs.h"
#include "tests/unit/store/testing.h"

namespace shale::exporter {

class NoEvents : public EventSink {
 public:
  void on(const Event& event) override {
    if (std::holds_alternative<Warning>(event)) ++warnings;
  }
  int warnings = 0;
};

class ExportTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(sys::TempDir made, sys::TempDir::create("shale-export-test-"));
    temporary_ = std::make_unique<sys::TempDir>(std::move(made));
    ASSERT_OK_AND_ASSIGN(store::Store opened, store::Store::open(path("store")));
    store_ = std::make_unique<store::Store>(std::move(opened));
    ASSERT_OK_AND_ASSIGN(store::BuildLease lease, store::BuildLease::create(*store_));
    lease_ = std::make_unique<store::BuildLease>(std::move(lease));
  }
  [[nodiscard]] std::string path(const std::string& name) const { return temporary_->path() + "/" + name; }

  // Publishes what `fill` puts into an empty directory, as overlayfs would leave it on top of `below`.
  Result<store::LayerRecord> layer(const std::function<void(int fs)>& fill,
                                   const layer::SnapshotView& below = {}) {
    ASSIGN_OR_RETURN(store::WorkDirectory directory, lease_->new_directory());
    fill(directory.fs.get());
    ASSIGN_OR_RETURN(layer::DiffResult diff, layer::describe_upper(directory.fs.get(), below));
    store::NewLayer made;
    made.manifest = std::make_shared<const layer::LayerManifest>(std::move(diff.manifest));
    made.diff_id = diff.diff_id;
    made.tar_bytes = diff.tar_bytes;
    made.encoding = "identity";
    return store_->layers().publish(*lease_, std::move(directory), made);
  }
  Result<layer::SnapshotView> view(const std::vector<std::string>& ids) {
    layer::SnapshotView out;
    for (const std::string& id : ids) {
      ASSIGN_OR_RETURN(auto manifest, store_->layers().load_manifest(id));
      out = out.with(std::move(manifest));
    }
    return out;
  }

  static void file(int fs, const std::string& name, const std::string& content, mode_t mode = 0644) {
    ASSERT_OK(sys::replace_file(fs, name, content, mode));
  }

  // An image of these layers.
  static ImageBundle bundle(const std::vector<store::LayerRecord>& layers, const std::string& name) {
    image::ImageConfig config;
    config.created = "2024-01-31T12:34:56Z";
    config.cmd = {"/x"};
    config.cmd_set = true;
    ImageBundle out;
    for (const store::LayerRecord& record : layers) {
      config.diff_ids.push_back(record.diff_id);
      out.layer_ids.push_back(record.id);
    }
    out.diff_ids = config.diff_ids;
    out.config_json = config.to_json();
    out.id = Digest::of(out.config_json);
    out.names.push_back(image::ImageRef::parse(name).value());
    return out;
  }

  // Puts the layer's plain tar into the store as a blob.
  Status add_tar_blob(const store::LayerRecord& record) {
    ASSIGN_OR_RETURN(const auto manifest, store_->layers().load_manifest(record.id));
    ASSIGN_OR_RETURN(const UniqueFd fs, sys::open_at(store_->root_fd(), store::Layers::fs_path(record.id),
                                                     O_RDONLY | O_DIRECTORY));
    ASSIGN_OR_RETURN(store::BlobWriter writer, store_->blobs().create());
    RETURN_IF_ERROR(layer::write_layer_tar(*manifest, fs.get(),
                                           [&](std::string_view bytes) { return writer.write(bytes); }));
    ASSIGN_OR_RETURN(const Digest digest, writer.commit(*lease_, record.diff_id));
    return store_->layers().add_blob(
        record.diff_id,
        {.media_type = std::string(image::kOciLayer), .digest = digest, .size = writer.size()});
  }

  std::unique_ptr<sys::TempDir> temporary_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::BuildLease> lease_;
  NoEvents events_;
  Progress progress_{events_, 1};
};

}  // namespace shale::exporter
