// SPDX-License-Identifier: Apache-2.0
// Unpacking and packing, done by the helper program shale-archive: this program links no archive or
// compression library and parses no foreign tar itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "layer/owner_encoding.h"
#include "shale/digest.h"
#include "sys/process.h"

namespace shale::layer {

// Bounds for input of foreign origin; passing one is an error that names it.
struct ArchiveLimits {
  std::uint64_t max_bytes = std::uint64_t{32} << 30;  // of the uncompressed tar, and of all file data
  std::uint64_t max_entries = 10'000'000;             // names and marks, each time it stands there
  // What a helper keeps in memory of all entries until the end: names, links, attributes, and a fixed amount
  // for each. Three and a half million entries with ordinary names.
  std::uint64_t max_metadata_bytes = std::uint64_t{2} << 30;
  std::uint64_t max_ratio = 200;                            // uncompressed : compressed; 0 = no such limit, …
  std::uint64_t ratio_free_bytes = std::uint64_t{1} << 30;  // … applied to what exceeds this many bytes
};

struct UnpackLayerSpec {
  int input_fd = -1;                  // read from its current offset to its end; a pipe is fine. Not owned.
  std::string input_path;             // used if input_fd is -1
  std::optional<Digest> blob_digest;  // checked over the bytes as they come
  std::optional<std::uint64_t> blob_bytes;  // more or fewer is an error
  std::optional<Digest> diff_id;            // checked over the uncompressed stream
  int fs_fd = -1;                           // the destination directory: exists, is empty. Not owned.
  std::string fs_path;                      // used if fs_fd is -1
  std::string manifest_path;  // written (a new file or replaced) only after every check has passed
  // Manifests of the layers below, lowest first. A directory that the tar implies without an entry of its own
  // takes its metadata from them, and links of theirs in the middle of a path are followed inside the image.
  std::vector<std::string> lower_manifests;
  OwnerEncoding owners = OwnerEncoding::kIds;
  ArchiveLimits limits;
};

struct ExtractSpec {
  int input_fd = -1;  // as in UnpackLayerSpec
  std::string input_path;
  int fs_fd = -1;  // the destination directory: exists, is empty
  std::string fs_path;
  std::string manifest_path;
  bool squash_owners = false;  // everything belongs to 0:0
  // Owners and attributes are written into the manifest only; the files belong to the caller. For a caller
  // outside of the build's user namespace.
  bool record_owners = false;
  // No end marker, or something behind it, is a warning: for a file, which nothing can have cut on its way
  // here.
  bool any_end = false;
  OwnerEncoding owners = OwnerEncoding::kIds;
  ArchiveLimits limits;
};

enum class Compression : std::uint8_t { kNone, kGzip, kZstd };

struct PackLayerSpec {
  int fs_fd = -1;  // the layer's tree. Not owned.
  std::string fs_path;
  std::string manifest_path;
  Compression compression = Compression::kGzip;
  int level = -1;  // gzip 1–9 (1 = ISA-L, the default; above that zlib), zstd 1–19 (default 3)
  // Seconds since 1970: later times are written as this one, which makes another tar of it, with another
  // diff_id.
  std::optional<std::int64_t> latest_mtime_s;
  int output_fd = -1;       // written from its current offset. Not owned.
  std::string output_path;  // used if output_fd is -1: created or truncated
  int threads = 0;          // 0 = one per CPU; the bytes do not depend on it
};

// What a finished job says. Fields that the kind of job does not know are empty.
struct ArchiveResult {
  Digest diff_id;                // of the uncompressed tar
  Digest blob_digest;            // of the bytes read (unpack, extract) or written (pack)
  std::uint64_t blob_bytes = 0;  // their number
  std::uint64_t tar_bytes = 0;   // of the uncompressed tar
  std::uint64_t entries = 0;     // in the manifest
  Digest content_key;            // of the manifest
  // Unpacking a layer: something in the result was taken from the lower layers (metadata of an implied
  // directory, a followed link, names hidden by an opaque root). The same blob on other layers may unpack
  // differently.
  bool depends_on_lower = false;
  // Extracting: the manifest's entries, by their indices, that are directories with no entry in the archive,
  // only something below them.
  std::vector<std::size_t> implied;
  std::vector<std::string> warnings;  // one line each, ready to show
};

struct ArchiveProgress {
  std::uint64_t bytes = 0;  // compressed bytes read (unpack, extract) or tar bytes packed so far
};

// One run of shale-archive. Move-only; the destructor kills a helper that still runs. Made by a thread that
// outlives the job; used by one thread at a time.
class ArchiveJob {
 public:
  // Readable when poll() has something to do.
  [[nodiscard]] int fd() const { return events_.get(); }
  // Takes in what the helper has said so far, without blocking. True once the helper has closed its side:
  // wait() then does not block (for longer than a process exit).
  Result<bool> poll();
  [[nodiscard]] const ArchiveProgress& progress() const { return progress_; }
  // Blocks until the helper is done; its result or its error. Call once.
  Result<ArchiveResult> wait();

 private:
  friend Result<ArchiveJob> start_archive_job(std::string verb, const Json& spec,
                                              std::vector<std::pair<int, int>> fds);
  Status take_lines();

  sys::ChildProcess child_;
  UniqueFd events_;
  std::string buffer_;
  ArchiveProgress progress_;
  std::vector<std::size_t> implied_;
  std::optional<Json> result_;
  std::optional<Error> error_;
};

// OCI layer semantics: whiteouts, opaque markers, hard links, xattrs (file capabilities after the owner is
// set). Compression is found by content: gzip, zstd or none. Devices are kept in the manifest, not created,
// with one warning. On error the destination holds a partial tree, to be removed by the caller. Runs in the
// build's user namespace; an id that is not mapped there is an error naming the entry and the id.
Result<ArchiveJob> start_unpack_layer(const UnpackLayerSpec& spec);

// Plain tar semantics for ADD, load and import: gzip, bzip2, xz, zstd or none; ".wh." names are ordinary
// names.
Result<ArchiveJob> start_extract_archive(const ExtractSpec& spec);

// A published layer as a blob. gzip: members of 4 MiB compressed in parallel; deterministic, as is zstd.
Result<ArchiveJob> start_pack_layer(const PackLayerSpec& spec);

// Start and wait.
Result<ArchiveResult> unpack_layer(const UnpackLayerSpec& spec);
Result<ArchiveResult> extract_archive(const ExtractSpec& spec);
Result<ArchiveResult> pack_layer(const PackLayerSpec& spec);

// The first bytes of the regular file `fd`, as many as tell an archive from other things (a tar's header,
// less in a shorter file). The descriptor's offset stays as it is. `what` names the file in an error.
Result<std::string> read_head(int fd, std::string_view what);

// True if the bytes of the regular file `fd` from its beginning are a tar, plain or compressed (gzip, bzip2,
// xz, zstd), judged by content as docker does: the first header can be read. The descriptor's offset stays as
// it is. Starts the helper only for compressed input.
Result<bool> is_archive(int fd);

}  // namespace shale::layer
