// SPDX-License-Identifier: Apache-2.0
#include "build/context_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <climits>
#include <map>

#include "sys/file_digest.h"
#include "sys/files.h"
#include "sys/process.h"

namespace shale::build {

namespace {

struct Found {
  layer::Entry entry;
  struct stat info{};
};

layer::Entry to_entry(std::string path, const struct stat& info) {
  layer::Entry entry;
  entry.path = std::move(path);
  entry.mode = info.st_mode & 07777;
  entry.mtime_s = info.st_mtim.tv_sec;
  entry.mtime_ns = static_cast<std::uint32_t>(info.st_mtim.tv_nsec);
  if (S_ISDIR(info.st_mode)) {
    entry.type = layer::EntryType::kDirectory;
  } else if (S_ISLNK(info.st_mode)) {
    entry.type = layer::EntryType::kSymlink;
    entry.mode = 0777;
  } else if (S_ISFIFO(info.st_mode)) {
    entry.type = layer::EntryType::kFifo;
  } else {  // a socket, too: as for docker's client, that is an empty file
    entry.size = static_cast<std::uint64_t>(info.st_size);
  }
  return entry;
}

// A longer path could be copied, but no program in the image could name it. It bounds how deep the walk goes.
constexpr std::size_t kLongestPath = PATH_MAX - 1;  // without its NUL

constexpr const char* kUnreadableHint =
    "make it readable for you, or list it in .dockerignore if the image does not need it";

// Depth-first in the order of manifests: names sorted by bytes, a directory before what is in it.
class Walker {
 public:
  // `closed`: gets the directories that may not be read.
  Walker(const dockerfile::IgnoreMatcher& ignore, std::vector<Found>& out, std::set<std::string>& closed)
      : ignore_(ignore), out_(out), closed_(closed) {}

  Status directory(int parent, const std::string& path, const dockerfile::IgnoreMatcher::State& state) {
    ASSIGN_OR_RETURN(const std::vector<std::string> names, sys::list_dir(parent));
    for (const std::string& name : names) {
      struct stat info{};
      if (::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;  // removed since it was listed
        return fail_errno(errno, fmt::format("stat '{}{}' in the build context", path, name));
      }
      RETURN_IF_ERROR(visit(parent, name, path + name, info, state));
    }
    return {};
  }

 private:
  Status visit(int parent, const std::string& name, const std::string& path, const struct stat& info,
               const dockerfile::IgnoreMatcher::State& state) {
    dockerfile::IgnoreMatcher::State below;
    const auto verdict =
        ignore_.empty() ? dockerfile::IgnoreMatcher::Verdict{} : ignore_.visit(path, state, &below);
    if (verdict.ignored && (verdict.prune || !S_ISDIR(info.st_mode))) return {};
    if (path.size() > kLongestPath) return too_long(path);
    if (S_ISDIR(info.st_mode)) {
      const std::size_t mark = out_.size();
      out_.push_back({to_entry(path, info), info});
      Result<UniqueFd> directory_fd = sys::open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      Status listed = directory_fd ? directory(directory_fd->get(), path + "/", below)
                                   : fail(std::move(directory_fd.error()));
      if (!listed) {
        if (listed.error().errno_value() != EACCES) return listed;
        // Its content may not be asked for by anybody; that it exists is all we know.
        closed_.insert(path);
        out_.resize(mark + 1);
      }
      // An ignored directory is there only for the sake of what is re-included below it.
      if (verdict.ignored && out_.size() == mark + 1) out_.pop_back();
      return {};
    }
    if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode)) return {};
    Found found{to_entry(path, info), info};
    if (S_ISLNK(info.st_mode)) {
      ASSIGN_OR_RETURN(found.entry.link_target, sys::read_link(parent, name));
    } else if (info.st_nlink > 1) {
      const auto [first, is_new] = first_of_inode_.try_emplace({info.st_dev, info.st_ino}, path);
      if (!is_new) found.entry.hard_link_of = first->second;
    }
    out_.push_back(std::move(found));
    return {};
  }

  static Status too_long(const std::string& path) {
    constexpr std::size_t kShown = 60;
    return fail(
        Error(ErrorKind::kUsage, fmt::format("a path in the build context is longer than {} bytes: '{}…'",
                                             kLongestPath, path.substr(0, kShown)))
            .hint("list the directory in .dockerignore if the image does not need it"));
  }

  const dockerfile::IgnoreMatcher& ignore_;
  std::vector<Found>& out_;
  std::set<std::string>& closed_;
  std::map<std::pair<dev_t, ino_t>, std::string> first_of_inode_;
};

// What Walker would leave of a directory with this content.
Result<std::vector<layer::Entry>> without_ignored(const layer::LayerManifest& manifest,
                                                  const dockerfile::IgnoreMatcher& ignore) {
  struct Level {
    std::string below;  // "directory/"; "" for the root
    dockerfile::IgnoreMatcher::State state;
    bool pruned = false;
    bool ignored = false;   // there only for the sake of what is re-included below it
    std::size_t index = 0;  // in `out`
  };
  std::vector<layer::Entry> out;
  std::vector<Level> levels{{}};
  std::map<std::string, std::string> first_kept;  // hard-link groups whose first name is left out
  const auto leave = [&] {
    if (levels.back().ignored && !levels.back().pruned && out.size() == levels.back().index + 1)
      out.pop_back();
    levels.pop_back();
  };
  layer::Entry root;
  root.type = layer::EntryType::kDirectory;
  root.mode = 0755;
  out.push_back(root);
  for (const layer::Entry& entry : manifest.entries()) {
    if (entry.path.empty()) {
      out.front() = entry;
      continue;
    }
    while (!entry.path.starts_with(levels.back().below)) leave();
    if (levels.back().pruned) continue;
    Level level{.below = entry.path + "/", .state = {}, .index = out.size()};
    const auto verdict = ignore.empty() ? dockerfile::IgnoreMatcher::Verdict{}
                                        : ignore.visit(entry.path, levels.back().state,
                                                       entry.is_directory() ? &level.state : nullptr);
    if (entry.is_directory()) {
      level.ignored = verdict.ignored;
      level.pruned = verdict.ignored && verdict.prune;
      if (!level.pruned) out.push_back(entry);
      levels.push_back(std::move(level));
      continue;
    }
    // A device was not made; as in a directory, it is left out.
    if (verdict.ignored || (!entry.is_file() && !entry.is_symlink() && entry.type != layer::EntryType::kFifo))
      continue;
    out.push_back(entry);
    if (!entry.is_file()) continue;
    const std::string group = entry.hard_link_of.empty() ? entry.path : entry.hard_link_of;
    const auto [first, is_new] = first_kept.try_emplace(group, entry.path);
    out.back().hard_link_of = is_new ? std::string() : first->second;
  }
  while (levels.size() > 1) leave();
  return out;
}

}  // namespace

Result<std::unique_ptr<ContextTree>> ContextTree::scan(std::string path, UniqueFd directory,
                                                       dockerfile::IgnoreMatcher ignore,
                                                       std::optional<store::StatCache> cache) {
  std::unique_ptr<ContextTree> tree(
      new ContextTree(std::move(path), std::move(directory), std::move(ignore), std::move(cache)));
  RETURN_IF_ERROR(tree->walk());
  return tree;
}

Result<std::unique_ptr<ContextTree>> ContextTree::from_manifest(std::string path, UniqueFd directory,
                                                                dockerfile::IgnoreMatcher ignore,
                                                                const layer::LayerManifest& manifest) {
  ASSIGN_OR_RETURN(std::vector<layer::Entry> kept, without_ignored(manifest, ignore));
  std::unique_ptr<ContextTree> tree(
      new ContextTree(std::move(path), std::move(directory), std::move(ignore), std::nullopt));
  for (const layer::Entry& entry : kept) {
    if (entry.is_file()) ++tree->file_count_;
    tree->digests_.push_back(entry.content);
  }
  tree->stats_.resize(kept.size());
  ASSIGN_OR_RETURN(layer::LayerManifest built, layer::LayerManifest::build(std::move(kept)));
  tree->view_ = layer::SnapshotView({std::make_shared<const layer::LayerManifest>(std::move(built))});
  return tree;
}

Status ContextTree::walk() {
  std::vector<Found> found;
  ASSIGN_OR_RETURN(const struct stat root, sys::stat_fd(directory_.get()));
  found.push_back({to_entry("", root), root});
  Walker walker(ignore_, found, closed_);
  RETURN_IF_ERROR(walker.directory(directory_.get(), "", {}));
  std::vector<layer::Entry> entries;
  entries.reserve(found.size());
  stats_.reserve(found.size());
  for (Found& one : found) {
    if (one.entry.is_file()) ++file_count_;
    entries.push_back(std::move(one.entry));
    stats_.push_back(one.info);
  }
  digests_.resize(entries.size());
  // The walk is in manifest order already, so indices stay what they are.
  ASSIGN_OR_RETURN(layer::LayerManifest manifest, layer::LayerManifest::build(std::move(entries)));
  view_ = layer::SnapshotView({std::make_shared<const layer::LayerManifest>(std::move(manifest))});
  return {};
}

std::size_t ContextTree::index_of(const layer::ViewEntry& file) const {
  return static_cast<std::size_t>(file.entry - view_.layers().front()->entries().data());
}

Result<UniqueFd> ContextTree::open_file(const layer::ViewEntry& file) {
  if (S_ISSOCK(stats_[index_of(file)].st_mode)) return sys::sealed_memfd("socket", "");
  Result<UniqueFd> fd =
      sys::open_beneath(directory_.get(), file.entry->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) {
    Error error = Error::system(fd.error().errno_value(),
                                fmt::format("read '{}' of the build context {}", file.entry->path, path_));
    if (fd.error().errno_value() == EACCES) error.add_hint(kUnreadableHint);
    return fail(std::move(error));
  }
  return fd;
}

Status ContextTree::check_open(const std::string& path) const {
  if (!closed_.contains(path)) return {};
  return fail(
      Error::system(EACCES, fmt::format("read the directory '{}' of the build context {}", path, path_))
          .hint(kUnreadableHint));
}

Result<Digest> ContextTree::content_of(const layer::ViewEntry& file) {
  const std::size_t index = index_of(file);
  if (!digests_[index].empty()) return digests_[index];
  if (S_ISSOCK(stats_[index].st_mode)) return digests_[index] = Digest::of("");
  if (cache_)
    if (const std::optional<Digest> known = cache_->find(stats_[index])) return digests_[index] = *known;

  const struct timespec started = store::StatCache::now();
  ASSIGN_OR_RETURN(const UniqueFd fd, open_file(file));
  ASSIGN_OR_RETURN(digests_[index],
                   sys::digest_file(fd.get(), fmt::format("'{}' of the build context", file.entry->path)));
  ++hashed_count_;
  ASSIGN_OR_RETURN(const struct stat after, sys::stat_fd(fd.get()));
  if (cache_) cache_->put(after, digests_[index], started);
  return digests_[index];
}

bool ContextTree::is_ignored(const std::string& path) const {
  return !ignore_.empty() && ignore_.matches(path) && sys::exists_at(directory_.get(), path);
}

}  // namespace shale::build
