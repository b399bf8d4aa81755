// SPDX-License-Identifier: Apache-2.0
// A snapshot as files of the user's.
#include "export/local.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "export/merged_tree.h"
#include "sys/files.h"
#include "sys/umask.h"

namespace shale::exporter {

namespace {

constexpr const char* kTemporary = ".shale-export";  // one at a time, in the directory of the file it will be

class LocalWriter {
 public:
  LocalWriter(const MergedTree& tree, const LocalOptions& options, UniqueFd root)
      : tree_(tree), options_(options), root_(std::move(root)) {}

  Status add(const layer::Entry& entry, std::size_t layer, const std::string& link_to) {
    if (entry.path.empty()) return {};  // the destination itself is the user's
    RETURN_IF_ERROR(leave_until(entry.path.size() - entry.name().size()));
    Status status = put(entry, layer, link_to);
    if (!status) return fail(std::move(status.error()).context(fmt::format("writing '{}'", entry.path)));
    return {};
  }
  Status finish() { return leave_until(0); }

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

 private:
  struct Level {
    const layer::Entry* entry;
    UniqueFd fd;
  };

  [[nodiscard]] std::array<struct timespec, 2> times_of(const layer::Entry& entry) const {
    const struct timespec time{.tv_sec = options_.mtime_s.value_or(entry.mtime_s),
                               .tv_nsec = options_.mtime_s ? 0L : long{entry.mtime_ns}};
    return {time, time};
  }
  [[nodiscard]] int here() const { return levels_.empty() ? root_.get() : levels_.back().fd.get(); }

  Status put(const layer::Entry& entry, std::size_t layer, const std::string& link_to) {
    const std::string name(entry.name());
    if (!link_to.empty()) return put_link(name, link_to, entry, layer);
    switch (entry.type) {
      case layer::EntryType::kDirectory:
        return enter(name, entry);
      case layer::EntryType::kFile:
        return put_file(name, entry, layer);
      case layer::EntryType::kSymlink:
        return replace(name, entry,
                       [&](const char* at) { return ::symlinkat(entry.link_target.c_str(), here(), at); });
      case layer::EntryType::kFifo:
        return replace(name, entry, [&](const char* at) { return ::mkfifoat(here(), at, 0600); });
      case layer::EntryType::kCharDevice:
      case layer::EntryType::kBlockDevice:
      case layer::EntryType::kSocket:
      case layer::EntryType::kWhiteout:
        ++left_out_;
        return {};
    }
    return {};
  }

  // Closes the directories that the next name (whose parent's path has this length, with its slash) is not
  // in. Their modes and times come last: writing into them would change the times, and a mode may forbid it.
  Status leave_until(std::size_t parent_length) {
    while (!levels_.empty() && levels_.back().entry->path.size() + 1 > parent_length) {
      const Level& level = levels_.back();
      RETURN_IF_ERROR(dress(level.fd.get(), *level.entry));
      levels_.pop_back();
    }
    return {};
  }

  Status enter(const std::string& name, const layer::Entry& entry) {
    if (::mkdirat(here(), name.c_str(), 0700) != 0 && errno != EEXIST)
      return fail_errno(errno, "make the directory");
    Result<UniqueFd> fd = sys::open_beneath(here(), name, O_RDONLY | O_DIRECTORY);
    if (!fd && (fd.error().errno_value() == ENOTDIR || fd.error().errno_value() == ELOOP)) {
      if (::unlinkat(here(), name.c_str(), 0) != 0 || ::mkdirat(here(), name.c_str(), 0700) != 0)
        return fail_errno(errno, "replace what is there by a directory");
      fd = sys::open_beneath(here(), name, O_RDONLY | O_DIRECTORY);
    }
    if (!fd) return fail(std::move(fd.error()));
    levels_.push_back({&entry, std::move(*fd)});
    return {};
  }

  Status put_file(const std::string& name, const layer::Entry& entry, std::size_t layer) {
    ASSIGN_OR_RETURN(const UniqueFd from, tree_.open_file(entry, layer));
    // A new name is written in place; an old one is replaced by a file that is complete.
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    const char* at = name.c_str();
    Result<UniqueFd> to = sys::open_at(here(), at, kFlags, 0600);
    if (!to && to.error().errno_value() == EEXIST) {
      at = kTemporary;
      (void)::unlinkat(here(), at, 0);  // of one that was killed
      to = sys::open_at(here(), at, kFlags, 0600);
    }
    if (!to) return fail(std::move(to.error()));
    ASSIGN_OR_RETURN(const std::uint64_t copied, sys::copy_data(from.get(), to->get()));
    bytes_ += copied;
    RETURN_IF_ERROR(dress(to->get(), entry));
    RETURN_IF_ERROR(to->close());
    return at == kTemporary ? rename_to(name) : Status();
  }

  Status put_link(const std::string& name, const std::string& target, const layer::Entry& entry,
                  std::size_t layer) {
    const std::size_t slash = target.find_last_of('/');
    UniqueFd directory;
    if (slash != std::string::npos) {
      ASSIGN_OR_RETURN(directory,
                       sys::open_beneath(root_.get(), target.substr(0, slash), O_PATH | O_DIRECTORY));
    }
    const std::string first = slash == std::string::npos ? target : target.substr(slash + 1);
    (void)::unlinkat(here(), kTemporary, 0);  // of one that was killed
    if (::linkat(directory ? directory.get() : root_.get(), first.c_str(), here(), kTemporary, 0) != 0) {
      // Too many links for this file system, or it has none.
      if (errno == EMLINK || errno == EPERM || errno == ENOTSUP) return put_file(name, entry, layer);
      return fail_errno(errno, fmt::format("make a hard link to '{}'", target));
    }
    RETURN_IF_ERROR(rename_to(name));
    (void)::unlinkat(here(), kTemporary, 0);  // rename(2) leaves it when both names are the same file already
    return {};
  }

  template <typename Make>
  Status replace(const std::string& name, const layer::Entry& entry, const Make& make) {
    (void)::unlinkat(here(), kTemporary, 0);  // of one that was killed
    if (make(kTemporary) != 0)
      return fail_errno(errno, fmt::format("make a {}", entry_type_name(entry.type)));
    if (options_.owners && ::fchownat(here(), kTemporary, entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0)
      return fail_errno(errno, "change the owner");
    if (!entry.is_symlink() && ::fchmodat(here(), kTemporary, entry.mode, 0) != 0)
      return fail_errno(errno, "change the mode");
    const auto times = times_of(entry);
    (void)::utimensat(here(), kTemporary, times.data(),
                      AT_SYMLINK_NOFOLLOW);  // some file systems cannot, for links
    return rename_to(name);
  }

  Status rename_to(const std::string& name) {
    if (::renameat(here(), kTemporary, here(), name.c_str()) == 0) return {};
    if (errno == EISDIR || errno == ENOTEMPTY || errno == EEXIST) {
      RETURN_IF_ERROR(sys::remove_tree(here(), name));
      if (::renameat(here(), kTemporary, here(), name.c_str()) == 0) return {};
    }
    return fail_errno(errno, "put it in place");
  }

  // Everything about a file but its name and data.
  Status dress(int fd, const layer::Entry& entry) {
    if (options_.owners && ::fchown(fd, entry.uid, entry.gid) != 0)
      return fail_errno(errno, "change the owner");
    for (const layer::EntryXattr& xattr : entry.xattrs) {
      if (!options_.owners && !xattr.name.starts_with("user.")) continue;
      const Status set = sys::set_xattr(fd, xattr.name, xattr.value);
      if (!set && set.error().errno_value() != ENOTSUP) return fail(Error(set.error()));
    }
    if (::fchmod(fd, entry.mode) != 0) return fail_errno(errno, "change the mode");
    const auto times = times_of(entry);
    if (::futimens(fd, times.data()) != 0) return fail_errno(errno, "set the time");
    return {};
  }

  const MergedTree& tree_;
  const LocalOptions& options_;
  UniqueFd root_;
  std::vector<Level> levels_;
  std::uint64_t bytes_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace

Status write_local(store::Store& store, const std::vector<std::string>& layer_ids, const std::string& path,
                   const LocalOptions& options, const Progress& progress) {
  ASSIGN_OR_RETURN(const MergedTree tree, MergedTree::open(store, layer_ids));
  RETURN_IF_ERROR(sys::make_dir(AT_FDCWD, path, 0777 & ~sys::user_umask(), true));
  ASSIGN_OR_RETURN(UniqueFd root, sys::open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  LocalWriter writer(tree, options, std::move(root));
  Status written =
      tree.walk([&](const layer::Entry& entry, std::size_t layer, const std::string& link_to) -> Status {
        RETURN_IF_ERROR(progress.check());
        return writer.add(entry, layer, link_to);
      });
  if (written) written = writer.finish();
  if (!written) return fail(std::move(written.error()).context(fmt::format("writing files to '{}'", path)));
  progress.item("writing files", writer.bytes(), writer.bytes(), true);
  if (writer.left_out() > 0)
    progress.warn(fmt::format("{} device{} or socket{} left out of '{}'", writer.left_out(),
                              writer.left_out() == 1 ? "" : "s", writer.left_out() == 1 ? " was" : "s were",
                              path));
  return {};
}

}  // namespace shale::exporter
