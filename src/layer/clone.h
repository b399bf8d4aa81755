// SPDX-License-Identifier: Apache-2.0
// Clone: a stack of layers as a plain tree of files that can be written to, where overlayfs cannot do it; and
// what was written, found again as overlayfs would have left it.
#pragma once

#include <atomic>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/unique_fd.h"
#include "layer/manifest.h"
#include "layer/owner_encoding.h"
#include "layer/view.h"
#include "sys/files.h"

namespace shale::layer {

// Works in the namespace in which the layers were made. One thread at a time.
class Clone {
 public:
  // An empty tree in the empty directory `tree`; `scratch` is a directory beside it on the same file system.
  Clone(UniqueFd tree, UniqueFd scratch) : tree_(std::move(tree)), scratch_(std::move(scratch)) {}

  [[nodiscard]] int fd() const { return tree_.get(); }

  // One more layer on top: its manifest, and its directory. The root directory gets that directory's
  // metadata. kCancelled soon after `stop` became true; the tree is good for nothing then.
  Status apply(const LayerManifest& manifest, int layer_dir, const std::atomic<bool>& stop);

  // Everything from here on is a change. Waits until the file system's clock has moved on, so that no change
  // can have the time of what was there before: some milliseconds.
  Status begin();

  // Makes in the empty directory `upper` what overlayfs would have left there: what changed since begin(),
  // with the directories that lead to it, whiteouts, and replaced directories opaque. `below` is what was
  // there at begin(). Names that only seem changed may be among it; describe_upper() leaves those out. What
  // `owners` gives to somebody else than before is a change, too.
  Status extract(const SnapshotView& below, int upper, const OwnersBeside& owners = {}) const;

 private:
  friend class CloneDiff;
  // One name at begin(). A change time alone says too little: taking away another name of a file changes it,
  // and so does moving it aside and back; while a directory that is moved to another's place keeps what it
  // holds with the times it had. The birth is there because inode numbers are used again.
  struct Known {
    std::uint64_t inode = 0;
    std::int64_t birth = 0;  // in ns; 0 = the file system does not say
    std::uint32_t mode = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint64_t size = 0;  // 0 for directories
    std::int64_t mtime = 0;  // in ns
    std::vector<sys::Xattr> xattrs;
    bool operator==(const Known&) const = default;
  };
  static Result<Known> look_at(int dir, const std::string& name);

  UniqueFd tree_;
  UniqueFd scratch_;
  struct timespec begun_{};
  std::unordered_map<std::string, Known> known_;
};

}  // namespace shale::layer
