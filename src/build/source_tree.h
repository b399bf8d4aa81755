// SPDX-License-Identifier: Apache-2.0
// SourceTree: files that a step copies from, wherever they lie: the context, layers, heredocs, an unpacked
// archive.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "layer/view.h"
#include "plan/plan.h"
#include "shale/digest.h"

namespace shale::build {

// What can be asked of any tree: its names (view), and of a regular file its bytes and their digest.
// Implementations are used by one thread at a time, open_file() by several.
class SourceTree {
 public:
  SourceTree() = default;
  SourceTree(const SourceTree&) = delete;
  SourceTree& operator=(const SourceTree&) = delete;
  virtual ~SourceTree() = default;

  [[nodiscard]] virtual const layer::SnapshotView& view() const = 0;
  // Opens for reading, following no link.
  [[nodiscard]] virtual Result<UniqueFd> open_file(const layer::ViewEntry& file) = 0;
  // The digest of its bytes; for looking things up (the file may change before it is copied).
  [[nodiscard]] virtual Result<Digest> content_of(const layer::ViewEntry& file) = 0;
  // A directory descriptor and path from which a hard link may be made instead of a copy; fd -1 = never.
  // Links are made from published layers and our own scratch directories only, never from a user's files.
  [[nodiscard]] virtual std::pair<int, std::string> link_source(const layer::ViewEntry& file) = 0;
  // What to call it in messages: "the build context", "stage build".
  [[nodiscard]] virtual std::string name() const = 0;
  // The path was there but .dockerignore took it away.
  [[nodiscard]] virtual bool is_ignored(const std::string& path) const {
    (void)path;
    return false;
  }
  // An error if this is a directory whose content is not known because it may not be read: whoever needs it
  // cannot go on.
  [[nodiscard]] virtual Status check_open(const std::string& path) const {
    (void)path;
    return {};
  }
  // Of some trees, there is only what the build takes: then, what it takes other than by the operation at
  // hand (see select()). Null if everything is there.
  [[nodiscard]] virtual const std::vector<const plan::CopyOp*>* taken_otherwise() const { return nullptr; }
};

// A tree of a few files held in memory (heredocs): mode 0644, owner 0:0.
std::unique_ptr<SourceTree> make_inline_tree(const std::vector<std::pair<std::string, std::string>>& files);

// A directory of our own with its manifest (an unpacked archive, a download).
std::unique_ptr<SourceTree> make_directory_tree(std::shared_ptr<const layer::LayerManifest> manifest,
                                                UniqueFd directory, std::string name);

}  // namespace shale::build
