// SPDX-License-Identifier: Apache-2.0
// LayoutTarget: where the files of an image layout go: a tar, or a directory.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "export/image_bundle.h"
#include "export/output_file.h"
#include "export/progress.h"
#include "image/manifest.h"
#include "layer/tar_writer.h"

namespace shale::exporter {

class LayoutTarget {
 public:
  LayoutTarget() = default;
  LayoutTarget(const LayoutTarget&) = delete;
  LayoutTarget& operator=(const LayoutTarget&) = delete;
  virtual ~LayoutTarget() = default;

  // A file "oci-layout", "index.json"; given last.
  virtual Status add_document(std::string_view name, std::string_view bytes) = 0;
  // blobs/sha256/<digest>, each once however often it is given. The bytes come from `fd` …
  virtual Status add_blob(const Digest& digest, std::uint64_t size, int fd) = 0;
  // … or are what `produce` writes: exactly `size` bytes with this digest.
  using Producer = std::function<Status(const layer::ByteSink& sink)>;
  virtual Status add_blob(const Digest& digest, std::uint64_t size, const Producer& produce) = 0;
  Status add_blob(const Digest& digest, std::string_view bytes);
  // Everything has been given.
  virtual Status finish() = 0;
};

class TarTarget : public LayoutTarget {
 public:
  static Result<std::unique_ptr<TarTarget>> create(const std::string& path, const Progress& progress);
  explicit TarTarget(OutputFile file);
  using LayoutTarget::add_blob;
  Status add_document(std::string_view name, std::string_view bytes) override;
  Status add_blob(const Digest& digest, std::uint64_t size, int fd) override;
  Status add_blob(const Digest& digest, std::uint64_t size, const Producer& produce) override;
  Status finish() override;

 private:
  Status begin_blobs();

  OutputFile file_;
  layer::TarStream tar_;
  std::set<Digest> written_;
};

class DirectoryTarget : public LayoutTarget {
 public:
  // Makes the directory if it is missing. A layout may be there already, anything else not. Waits for another
  // process that writes to it: it adds to the same index.
  static Result<std::unique_ptr<DirectoryTarget>> create(const std::string& path, const Progress& progress);
  // Removes what it made, unless finish() was called.
  ~DirectoryTarget() override;
  // The index that is there; none in a new layout.
  Result<std::optional<image::Index>> existing_index() const;
  using LayoutTarget::add_blob;
  Status add_document(std::string_view name, std::string_view bytes) override;
  Status add_blob(const Digest& digest, std::uint64_t size, int fd) override;
  Status add_blob(const Digest& digest, std::uint64_t size, const Producer& produce) override;
  Status finish() override;

 private:
  explicit DirectoryTarget(const Progress& progress) : progress_(progress) {}
  Status open_locked(const std::string& path, mode_t mode);

  Progress progress_;
  std::string path_;
  bool made_ = false;   // by us
  UniqueFd directory_;  // with flock(2)'s lock, as long as it is open
  UniqueFd blobs_;
  std::vector<std::string> new_blobs_;
};

// The index's descriptors of an image: one for each name, or one without a name.
std::vector<image::Descriptor> index_entries(const ImageBundle& bundle, const image::Descriptor& manifest);

}  // namespace shale::exporter
