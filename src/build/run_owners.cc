// SPDX-License-Identifier: Apache-2.0
#include "build/run_owners.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/path.h"
#include "runtime/emulation/owner_record.h"
#include "sys/files.h"

namespace shale::build {

namespace {

// One tree of the sandbox.
struct Tree {
  const layer::SnapshotView& view;
  std::string from;  // a directory of it, …
  std::string to;    // … and where it is found. Both are plain; the root is "".
};

class Journal {
 public:
  // `everything`: no attribute holds owners of files and directories either.
  Journal(bool everything, std::vector<std::string> mount_points)
      : everything_(everything), mount_points_(std::move(mount_points)) {}

  void add(const Tree& tree) {
    for (const auto& manifest : tree.view.layers()) {
      if (!manifest) continue;
      for (const layer::Entry& entry : manifest->entries()) {
        const runtime::OwnerRecord owner = record_of(entry);
        if (owner.is_default() || !lies_in(entry.path, tree.from)) continue;
        const std::optional<layer::ViewEntry> seen = tree.view.find(entry.path);
        if (!seen || seen->entry != &entry) continue;
        std::string path = tree.to;
        if (entry.path.size() > tree.from.size()) {
          if (!path.empty()) path += '/';
          path += tree.from.empty() ? entry.path : entry.path.substr(tree.from.size() + 1);
        }
        if (!hidden(path, tree.to)) add(std::move(path), owner);
      }
    }
  }
  void add(std::string path, const runtime::OwnerRecord& owner) {
    runtime::append_journal_entry(text_, {std::move(path), owner});
  }

  std::string take() { return std::move(text_); }

 private:
  // Root's: nothing to be said.
  [[nodiscard]] runtime::OwnerRecord record_of(const layer::Entry& entry) const {
    using layer::EntryType;
    const bool device = entry.type == EntryType::kCharDevice || entry.type == EntryType::kBlockDevice;
    if (entry.is_whiteout() || (!everything_ && (entry.is_file() || entry.is_directory() || device)))
      return {};
    runtime::OwnerRecord owner{.uid = entry.uid, .gid = entry.gid};
    if (!device) return owner;
    // An empty file on the disk.
    owner.device = entry.type == EntryType::kCharDevice ? 'c' : 'b';
    owner.dev_major = entry.dev_major;
    owner.dev_minor = entry.dev_minor;
    return owner;
  }

  // By something else that is mounted in the tree at `to`.
  [[nodiscard]] bool hidden(const std::string& path, const std::string& to) const {
    return std::any_of(mount_points_.begin(), mount_points_.end(), [&](const std::string& point) {
      return point != to && lies_in(point, to) && lies_in(path, point);
    });
  }

  bool everything_;
  std::vector<std::string> mount_points_;
  std::string text_;
};

}  // namespace

Result<std::string> owners_below(BuildState& state, const plan::RunOp& op, const layer::SnapshotView& view) {
  ASSIGN_OR_RETURN(const UniqueFd store, sys::open_at(state.store->root_fd(), ".", O_RDONLY | O_DIRECTORY));
  const bool everything = !layer::has_owner_attributes(store.get());
  std::vector<std::pair<const plan::MountOp*, std::string>> mounts;
  std::vector<std::string> mount_points{"proc", "dev", "sys"};
  for (const plan::MountOp& mount : op.mounts) {
    if (mount.target.empty()) continue;
    ASSIGN_OR_RETURN(layer::ResolvedPath to, view.resolve(mount.target, true));
    mount_points.push_back(to.path);
    mounts.emplace_back(&mount, std::move(to.path));
  }
  Journal journal(everything, std::move(mount_points));
  journal.add({.view = view, .from = "", .to = ""});
  for (auto& [mount, to] : mounts) {
    if (mount->kind == plan::MountOp::Kind::kBind) {
      ASSIGN_OR_RETURN(SourceTree * source, state.tree(*mount->source));
      ASSIGN_OR_RETURN(layer::ResolvedPath from, source->view().resolve(mount->source_path, true));
      journal.add({.view = source->view(), .from = std::move(from.path), .to = std::move(to)});
    } else if (mount->uid || mount->gid) {
      // The memory that a secret lies in may have no attributes where the store has some.
      journal.add(std::move(to), {.uid = mount->uid.value_or(0), .gid = mount->gid.value_or(0)});
    }
  }
  return journal.take();
}

Result<layer::OwnersBeside> recorded_owners(int journal_fd) {
  constexpr std::size_t kMaxBytes = std::size_t{1} << 30;
  if (::lseek(journal_fd, 0, SEEK_SET) != 0) return fail_errno(errno, "read the owners of a step's files");
  ASSIGN_OR_RETURN(const std::string text,
                   sys::read_fd(journal_fd, "the owners of a step's files", kMaxBytes));
  layer::OwnersBeside owners;
  for (runtime::JournalEntry& entry : runtime::parse_journal(text))
    owners.insert_or_assign(std::move(entry.path), entry.owner);
  return owners;
}

}  // namespace shale::build
