// SPDX-License-Identifier: Apache-2.0
// Describing an upper directory in two passes: the names and what stat says, to know what is left out; then
// every file once, its bytes feeding the content digest and the tar stream, which a second thread hashes.
#include "layer/diff.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <thread>

#include "base/sha256.h"
#include "layer/buffer_queue.h"
#include "layer/layer_stream.h"
#include "layer/overlay_encoding.h"
#include "sys/file_digest.h"
#include "sys/files.h"
#include "sys/thread.h"

namespace shale::layer {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{1} << 20;
constexpr std::size_t kQueuedBuffers = 8;

// The first pass.
class UpperWalk {
 public:
  UpperWalk(int fs_dirfd, const SnapshotView& below, const DiffOptions& options)
      : fs_dirfd_(fs_dirfd), below_(below), options_(options) {}

  Result<std::vector<Entry>> run() {
    RETURN_IF_ERROR(enter_root());
    while (!frames_.empty()) {
      Frame& frame = frames_.back();
      if (frame.next == frame.names.size()) {
        leave_directory();
        continue;
      }
      const std::string name = std::move(frame.names[frame.next++]);
      RETURN_IF_ERROR(visit(frame, name));
    }
    RETURN_IF_ERROR(check_owners());
    return std::move(entries_);
  }

 private:
  // A directory being walked. Its descriptor is closed while its children are, so that depth costs no
  // descriptors.
  struct Frame {
    std::string path;
    SnapshotView::Directory below;
    std::vector<std::string> names;
    std::size_t next = 0;
    std::size_t index = 0;   // of its entry
    bool unchanged = false;  // equal to the lower one: left out if nothing below it is an entry
    bool xattr_whiteouts = false;
    UniqueFd fd;
  };

  Status enter_root() {
    ASSIGN_OR_RETURN(UniqueFd fd, open_directory_beneath(fs_dirfd_, ""));
    ASSIGN_OR_RETURN(const struct stat status, sys::stat_fd(fd.get()));
    ASSIGN_OR_RETURN(const std::vector<sys::Xattr> xattrs, sys::list_xattrs(fd.get()));
    Entry entry = entry_from("", EntryType::kDirectory, status);
    entry.xattrs = xattrs_of_layer(xattrs);
    if (by_attributes()) set_owner(entry, owner_of(fd.get(), entry.path));
    Entry lower{.path = "", .type = EntryType::kDirectory, .mode = 0755};
    if (const auto found = below_.find("")) lower = *found->entry;
    // The root's times say nothing: every step that writes at top level changes them (BuildKit never emits
    // it).
    const bool unchanged = same_metadata(entry, lower);
    if (!unchanged) entries_.push_back(std::move(entry));
    return push_frame("", below_.root(), std::move(fd), opaque_value(xattrs) == "x", false);
  }

  Status push_frame(std::string path, SnapshotView::Directory below, UniqueFd fd, bool xattr_whiteouts,
                    bool unchanged) {
    Frame frame;
    frame.path = std::move(path);
    frame.below = std::move(below);
    ASSIGN_OR_RETURN(frame.names, sys::list_dir(fd.get()));
    frame.index = entries_.empty() ? 0 : entries_.size() - 1;
    frame.unchanged = unchanged;
    frame.xattr_whiteouts = xattr_whiteouts;
    frame.fd = std::move(fd);
    if (!frames_.empty()) frames_.back().fd.reset();
    frames_.push_back(std::move(frame));
    return {};
  }

  void leave_directory() {
    const Frame& frame = frames_.back();
    if (frame.unchanged && entries_.size() == frame.index + 1) entries_.pop_back();
    frames_.pop_back();
  }

  Status visit(Frame& frame, const std::string& name) {
    std::string path = frame.path.empty() ? name : frame.path + "/" + name;
    if (std::find(options_.omit.begin(), options_.omit.end(), path) != options_.omit.end()) return {};
    if (!frame.fd) {
      ASSIGN_OR_RETURN(frame.fd, open_directory_beneath(fs_dirfd_, frame.path));
    }
    ASSIGN_OR_RETURN(const struct stat status, sys::stat_at(frame.fd.get(), name));
    const std::optional<ViewEntry> lower = frame.below.child(name);
    ASSIGN_OR_RETURN(const bool whiteout, is_whiteout(frame, name, status));
    if (whiteout) {
      // Without such a name below, it was made and removed in this step.
      if (lower) entries_.push_back({.path = std::move(path), .type = EntryType::kWhiteout});
      return {};
    }
    if (name.starts_with(".wh.")) {
      return fail(
          Error(ErrorKind::kUnsupported, fmt::format("'/{}' cannot be stored in an image layer", path))
              .hint(
                  "names that begin with '.wh.' mean deletions there; rename or remove it in the same step"));
    }
    switch (status.st_mode & S_IFMT) {
      case S_IFDIR:
        return visit_directory(frame, std::move(path), name, lower);
      case S_IFREG: {
        Entry entry = entry_from(std::move(path), EntryType::kFile, status);
        if (by_attributes()) {
          ASSIGN_OR_RETURN(const UniqueFd fd,
                           sys::open_at(frame.fd.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
          const runtime::OwnerRecord owner = owner_of(fd.get(), entry.path);
          set_owner(entry, owner);
          if (owner.device != 0) {
            entry.type = owner.device == 'b' ? EntryType::kBlockDevice : EntryType::kCharDevice;
            entry.dev_major = owner.dev_major;
            entry.dev_minor = owner.dev_minor;
            return add_linkable(std::move(entry), status);
          }
        }
        return visit_file(frame, std::move(entry), name, status, lower);
      }
      case S_IFLNK: {
        Entry entry = entry_from(std::move(path), EntryType::kSymlink, status);
        entry.mode = 0777;
        ASSIGN_OR_RETURN(entry.link_target, sys::read_link(frame.fd.get(), name));
        set_owner_beside(entry, lower);
        return add_linkable(std::move(entry), status);
      }
      case S_IFCHR:
      case S_IFBLK: {
        Entry entry =
            entry_from(std::move(path),
                       S_ISCHR(status.st_mode) ? EntryType::kCharDevice : EntryType::kBlockDevice, status);
        entry.dev_major = major(status.st_rdev);
        entry.dev_minor = minor(status.st_rdev);
        return add_linkable(std::move(entry), status);
      }
      default: {
        Entry entry = entry_from(std::move(path),
                                 S_ISFIFO(status.st_mode) ? EntryType::kFifo : EntryType::kSocket, status);
        set_owner_beside(entry, lower);
        return add_linkable(std::move(entry), status);
      }
    }
  }

  // Of a file or directory.
  [[nodiscard]] runtime::OwnerRecord owner_of(int fd, const std::string& path) const {
    if (const auto attribute = runtime::read_attribute(fd)) return *attribute;
    const auto found = options_.owners_beside.find(path);
    return found == options_.owners_beside.end() ? runtime::OwnerRecord{} : found->second;
  }

  // Where there are attributes, they are what the next step goes by: an owner that is told of beside one was
  // lost on the way (from a file system without).
  [[nodiscard]] Status check_owners() const {
    if (!by_attributes()) return {};
    for (const Entry& entry : entries_) {
      if (!entry.is_file() && !entry.is_directory()) continue;
      const auto found = options_.owners_beside.find(entry.path);
      if (found == options_.owners_beside.end()) continue;
      const runtime::OwnerRecord& owner = found->second;
      if (owner.device == 0 && owner.uid == entry.uid && owner.gid == entry.gid) continue;
      return fail(
          Error(ErrorKind::kUnsupported,
                fmt::format("'/{}' belongs to {}:{} now, which the store cannot keep", entry.path, owner.uid,
                            owner.gid))
              .hint("a build with one id keeps owners in extended attributes (user.*), which the "
                    "file system lacks that the step wrote to: let Shale choose (SHALE_SNAPSHOTTER)"));
    }
    return {};
  }

  static Result<bool> is_whiteout(const Frame& frame, const std::string& name, const struct stat& status) {
    if (S_ISCHR(status.st_mode)) return status.st_rdev == makedev(0, 0);
    if (!frame.xattr_whiteouts || !S_ISREG(status.st_mode) || status.st_size != 0) return false;
    ASSIGN_OR_RETURN(const UniqueFd fd,
                     sys::open_at(frame.fd.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    ASSIGN_OR_RETURN(const std::vector<sys::Xattr> xattrs, sys::list_xattrs(fd.get()));
    return std::any_of(xattrs.begin(), xattrs.end(),
                       [](const sys::Xattr& x) { return x.name == kOverlayWhiteout; });
  }

  // May make `frame` dangle: it pushes a frame.
  Status visit_directory(Frame& frame, std::string path, const std::string& name,
                         const std::optional<ViewEntry>& lower) {
    ASSIGN_OR_RETURN(UniqueFd fd, sys::open_at(frame.fd.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    ASSIGN_OR_RETURN(const struct stat status, sys::stat_fd(fd.get()));
    ASSIGN_OR_RETURN(const std::vector<sys::Xattr> xattrs, sys::list_xattrs(fd.get()));
    Entry entry = entry_from(path, EntryType::kDirectory, status);
    entry.xattrs = xattrs_of_layer(xattrs);
    if (by_attributes()) set_owner(entry, owner_of(fd.get(), entry.path));
    const std::string_view opaque = opaque_value(xattrs);
    const bool lower_is_directory = lower && lower->entry->is_directory();
    entry.opaque = opaque == "y" && lower_is_directory;
    const bool unchanged = lower_is_directory && !entry.opaque && same_metadata(entry, *lower->entry) &&
                           (options_.ignore_directory_times || same_time(entry, *lower->entry));
    // An opaque directory hides what is below it: whiteouts in it are leftovers, and nothing in it is
    // "unchanged".
    SnapshotView::Directory below =
        opaque == "y" ? SnapshotView::Directory() : frame.below.subdirectory(name);
    entries_.push_back(std::move(entry));
    return push_frame(std::move(path), std::move(below), std::move(fd), opaque == "x", unchanged);
  }

  Status visit_file(Frame& frame, Entry entry, const std::string& name, const struct stat& status,
                    const std::optional<ViewEntry>& lower) {
    entry.size = static_cast<std::uint64_t>(status.st_size);
    // Opened for writing but not written: overlayfs has copied it up, times and all. The bytes decide.
    if (status.st_nlink == 1 && lower && lower->entry->is_file() && lower->entry->size == entry.size &&
        same_time(entry, *lower->entry)) {
      ASSIGN_OR_RETURN(const UniqueFd fd,
                       sys::open_at(frame.fd.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
      ASSIGN_OR_RETURN(const std::vector<sys::Xattr> xattrs, sys::list_xattrs(fd.get()));
      entry.xattrs = xattrs_of_layer(xattrs);
      if (same_metadata(entry, *lower->entry)) {
        ASSIGN_OR_RETURN(const Digest content,
                         sys::digest_file(fd.get(), fmt::format("layer file '{}'", entry.path)));
        if (content == lower->entry->content) return {};
      }
      entry.xattrs.clear();
    }
    return add_linkable(std::move(entry), status);
  }

  // The first name of an inode stands for it; the walk is in sorted order.
  Status add_linkable(Entry entry, const struct stat& status) {
    if (status.st_nlink > 1) {
      const auto [first, fresh] = first_names_.try_emplace({status.st_dev, status.st_ino}, entry.path);
      if (!fresh) entry.hard_link_of = first->second;
    }
    entries_.push_back(std::move(entry));
    return {};
  }

  [[nodiscard]] bool by_attributes() const { return options_.owners == OwnerEncoding::kAttributes; }
  static void set_owner(Entry& entry, const runtime::OwnerRecord& owner) {
    entry.uid = owner.uid;
    entry.gid = owner.gid;
  }
  // Of what carries no attribute.
  void set_owner_beside(Entry& entry, const std::optional<ViewEntry>& lower) const {
    if (!by_attributes()) return;
    set_owner(entry, {});
    if (const auto found = options_.owners_beside.find(entry.path); found != options_.owners_beside.end())
      set_owner(entry, found->second);
    else if (lower && lower->entry->type == entry.type && lower->entry->link_target == entry.link_target &&
             same_time(entry, *lower->entry))  // copied up for another reason than its owner
      set_owner(entry, {.uid = lower->entry->uid, .gid = lower->entry->gid});
  }

  static Entry entry_from(std::string path, EntryType type, const struct stat& status) {
    Entry entry;
    entry.path = std::move(path);
    entry.type = type;
    entry.mode = status.st_mode & 07777U;
    entry.uid = status.st_uid;
    entry.gid = status.st_gid;
    entry.mtime_s = status.st_mtim.tv_sec;
    entry.mtime_ns = static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
    return entry;
  }
  static bool same_metadata(const Entry& a, const Entry& b) {
    return a.mode == b.mode && a.uid == b.uid && a.gid == b.gid && a.xattrs == b.xattrs;
  }
  static bool same_time(const Entry& a, const Entry& b) {
    return a.mtime_s == b.mtime_s && a.mtime_ns == b.mtime_ns;
  }

  int fs_dirfd_;
  const SnapshotView& below_;
  const DiffOptions& options_;
  std::vector<Frame> frames_;
  std::vector<Entry> entries_;
  std::map<std::pair<dev_t, ino_t>, std::string> first_names_;
};

// The second pass: fills in content digests and the files' xattrs, and gives the stream to `sink`.
Status read_files(std::vector<Entry>& entries, int fs_dirfd,
                  const std::function<Status(std::string&&)>& sink) {
  Sha256 content;
  const FileHooks hooks{
      .opened = [&](std::size_t index, int fd) -> Status {
        if (::flistxattr(fd, nullptr, 0) == 0) return {};  // the usual case, and the cheapest question
        ASSIGN_OR_RETURN(const std::vector<sys::Xattr> xattrs, sys::list_xattrs(fd));
        entries[index].xattrs = xattrs_of_layer(xattrs);
        return {};
      },
      .data = [&](std::size_t, std::string_view bytes) { content.update(bytes); },
      .done = [&](std::size_t index) -> Status {
        entries[index].content = content.finish();
        return {};
      },
  };
  return stream_layer(entries, fs_dirfd, kBufferBytes, hooks, sink);
}

// What all names of one inode share is known now: give it to those that are not the first.
void complete_hard_links(std::vector<Entry>& entries) {
  for (Entry& entry : entries) {
    if (entry.hard_link_of.empty()) continue;
    const auto first = std::lower_bound(entries.begin(), entries.end(), entry.hard_link_of,
                                        [](const Entry& candidate, const std::string& key) {
                                          return compare_paths(candidate.path, key) < 0;
                                        });
    entry.content = first->content;
    entry.xattrs = first->xattrs;
  }
}

}  // namespace

Result<DiffResult> describe_upper(int fs_dirfd, const SnapshotView& below, const DiffOptions& options) {
  ASSIGN_OR_RETURN(std::vector<Entry> entries, UpperWalk(fs_dirfd, below, options).run());

  DiffResult result;
  Sha256 tar_hash;
  const auto hash_buffer = [&](const std::string& buffer) {
    tar_hash.update(buffer);
    result.tar_bytes += buffer.size();
  };
  // A thread costs about as much as hashing this much.
  constexpr std::uint64_t kWorthAThread = 256 * 1024;
  std::uint64_t bytes = 0;
  for (const Entry& entry : entries) bytes += entry.size;
  BufferQueue queue(kQueuedBuffers);
  std::thread hasher;
  if (options.threads > 1 && bytes > kWorthAThread) {
    Result<std::thread> started = sys::start_thread("hashes a layer", [&] {
      while (true) {
        auto buffer = queue.pop();
        if (!buffer || !*buffer) return;
        hash_buffer(**buffer);
      }
    });
    if (started) hasher = std::move(*started);
  }
  if (hasher.joinable()) {
    const Status read = read_files(entries, fs_dirfd, [&](std::string&& buffer) -> Status {
      queue.push(std::move(buffer));
      return {};
    });
    queue.close();
    hasher.join();
    RETURN_IF_ERROR(read);
  } else {
    RETURN_IF_ERROR(read_files(entries, fs_dirfd, [&](const std::string& buffer) -> Status {
      hash_buffer(buffer);
      return {};
    }));
  }
  result.diff_id = tar_hash.finish();
  complete_hard_links(entries);
  ASSIGN_OR_RETURN(result.manifest, LayerManifest::build(std::move(entries)));
  return result;
}

}  // namespace shale::layer
