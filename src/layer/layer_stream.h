// SPDX-License-Identifier: Apache-2.0
// The one place that knows the order of a layer's tar: describing, writing and packing a layer all go through
// it.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <span>
#include <string>

#include "base/unique_fd.h"
#include "layer/manifest.h"

namespace shale::layer {

// Chances to look at a file while its bytes go into the stream. Each may be empty.
struct FileHooks {
  // The file is open and its header not yet made: the entry may still be completed.
  std::function<Status(std::size_t index, int fd)> opened;
  std::function<void(std::size_t index, std::string_view bytes)> data;
  std::function<Status(std::size_t index)> done;
};

// Gives the tar of `entries` (sorted, parents present) in buffers of about `buffer_bytes`, moved to `sink`.
Status stream_layer(std::span<const Entry> entries, int fs_dirfd, std::size_t buffer_bytes,
                    const FileHooks& hooks, const std::function<Status(std::string&&)>& sink);

// Opens the directory `path` (plain) below `root`, following no link; longer than PATH_MAX is fine.
Result<UniqueFd> open_directory_beneath(int root, std::string_view path, int flags = 0);

}  // namespace shale::layer
