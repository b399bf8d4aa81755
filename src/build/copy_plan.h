// SPDX-License-Identifier: Apache-2.0
// CopyPlan: which entries a COPY or ADD puts into its layer, decided from manifests alone, before a file is
// touched.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "build/selection.h"
#include "build/source_tree.h"
#include "dockerfile/chmod.h"
#include "layer/view.h"
#include "plan/plan.h"

namespace shale::build {

struct Owner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

// One entry to be made. `entry.path` is where; everything but content is final.
struct PlannedEntry {
  layer::Entry entry;
  SourceTree* tree = nullptr;            // regular files: where the bytes are
  std::optional<layer::ViewEntry> from;  // the entry there
};

// Collects what is to be made, sees what is there already, and refuses what cannot be.
class CopyPlan {
 public:
  // `below`: what the step starts from (empty for --link, whose layer is made for any base).
  CopyPlan(const layer::SnapshotView& below, std::optional<Owner> chown,
           std::optional<dockerfile::Chmod> chmod)
      : below_(below), chown_(chown), chmod_(std::move(chmod)) {}

  // Adds everything `selected` of `tree` to `op.destination`.
  Status add(const plan::CopyOp& op, SourceTree& tree, const std::vector<Selected>& selected);
  // Unpacks a whole tree (an archive's) over the directory `destination`: entries replace whatever is in
  // their way, as tar does; modes are the archive's, owners too unless --chown. Directories in `implied` are
  // in the tree only because something below them is: they are made where missing, as root's, and change
  // nothing where there is one or a link to one.
  Status add_unpacked(const std::string& destination, SourceTree& tree, const std::set<std::string>& implied);
  // A directory with its missing parents (WORKDIR), mode 0755.
  Status add_directory(const std::string& path, Owner owner);

  // An empty mount point, file or directory, with its missing parents; nothing if something is there.
  Status add_mount_point(const std::string& path, bool is_directory);
  [[nodiscard]] bool empty() const { return entries_.empty(); }

  // In manifest order: parents before children. Existing parent directories are among them with the metadata
  // they have.
  using EntryMap = std::map<std::string, PlannedEntry, bool (*)(const std::string&, const std::string&)>;
  [[nodiscard]] const EntryMap& entries() const { return entries_; }

 private:
  // What is at `path` now: planned before, or below.
  [[nodiscard]] const layer::Entry* existing(const std::string& path) const;
  // Follows links inside `root`, which is a directory; `path` is relative to it, the result to the image.
  [[nodiscard]] Result<layer::ResolvedPath> resolve(const std::string& path,
                                                    const std::string& root = {}) const;
  // Makes sure that the directory and its parents are in the plan; new ones get `mode` and `owner` (0:0 if
  // none).
  Status make_directories(const std::string& path, std::uint32_t mode, const std::optional<Owner>& owner);
  void carry_over(const std::string& path);
  Status copy_tree(SourceTree& tree, const Selected& pick, const std::string& target, const plan::CopyOp& op);
  Status put(SourceTree& tree, const layer::ViewEntry& source, const std::string& target,
             bool keep_existing_directory);
  Status unpack_over(const std::string& destination, SourceTree& tree, const std::set<std::string>& implied);
  // The planned file `target` goes: hard links to it stay links among themselves.
  void hand_on_links(const std::string& target);
  // Puts an entry where one may be planned already.
  void replace(const std::string& target, PlannedEntry planned);
  void decorate(layer::Entry& entry) const;

  const layer::SnapshotView& below_;
  std::optional<Owner> chown_;
  std::optional<dockerfile::Chmod> chmod_;
  // Modification time of directories that are made on the way: that of what is put there, so that the same
  // files give the same layer at any time.
  std::optional<std::pair<std::int64_t, std::uint32_t>> new_directory_time_;
  EntryMap entries_{
      [](const std::string& a, const std::string& b) { return layer::compare_paths(a, b) < 0; }};
  // Hard-link groups of one source tree → the first name made of it.
  std::map<std::pair<const SourceTree*, std::pair<std::size_t, std::string>>, std::string> links_;
  std::set<std::string> linked_;  // planned files that other entries may be hard links to
};

}  // namespace shale::build
