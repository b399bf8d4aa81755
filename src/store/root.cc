// SPDX-License-Identifier: Apache-2.0
#include "store/root.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "shale/images.h"
#include "store/reserve.h"
#include "store/schema.h"
#include "sys/files.h"

namespace shale {

namespace {

// The nearest existing directory at or above `path` can be written to.
bool can_be_made(std::string path) {
  for (;;) {
    if (::access(path.c_str(), W_OK | X_OK) == 0) return true;
    if (errno != ENOENT) return false;
    const std::size_t slash = path.find_last_of('/');
    if (slash == std::string::npos || path == "/") return false;
    path = slash == 0 ? "/" : path.substr(0, slash);
  }
}

const char* absolute_variable(const char* name) {
  const char* value = ::getenv(name);
  return value != nullptr && *value == '/' ? value : nullptr;
}

// /tmp belongs to everybody: somebody else may have made the directory first, or a link to one of ours.
Status claim(const std::string& path) {
  constexpr const char* kHint =
      "set SHALE_ROOT (or use --root) to a directory of your own that can be written to";
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(Error::system(errno, fmt::format("make '{}', as no home directory can be written to", path))
                    .hint(kHint));
  ASSIGN_OR_RETURN(const struct stat info, sys::stat_at(AT_FDCWD, path));
  if (S_ISDIR(info.st_mode) && info.st_uid == ::geteuid() && (info.st_mode & 0077) == 0) return {};
  return fail(
      Error(ErrorKind::kPermission, fmt::format("'{}' is not a directory that only you can enter", path))
          .hint(kHint));
}

struct DefaultRoot {
  std::string path;
  bool unusual = false;  // not where a user's data usually is
};

Result<DefaultRoot> pick_root() {
  if (const char* root = ::getenv("SHALE_ROOT"); root != nullptr && *root != '\0') return DefaultRoot{root};
  if (const char* data = absolute_variable("XDG_DATA_HOME")) {
    std::string path = fmt::format("{}/shale", data);
    if (can_be_made(path)) return DefaultRoot{std::move(path)};
  }
  if (const char* home = absolute_variable("HOME"); home != nullptr && sys::exists_at(AT_FDCWD, home)) {
    std::string path =
        fmt::format("{}{}.local/share/shale", home, std::string_view(home).ends_with('/') ? "" : "/");
    if (can_be_made(path)) return DefaultRoot{std::move(path)};
  }
  if (const char* runtime = absolute_variable("XDG_RUNTIME_DIR")) {
    std::string path = fmt::format("{}/shale", runtime);
    if (can_be_made(path)) return DefaultRoot{std::move(path), true};
  }
  std::string path = fmt::format("/tmp/shale-{}", ::geteuid());
  RETURN_IF_ERROR(claim(path));
  return DefaultRoot{std::move(path), true};
}

}  // namespace

Result<std::string> default_store_root() {
  ASSIGN_OR_RETURN(DefaultRoot root, pick_root());
  return std::move(root.path);
}

std::string default_store_note() {
  const Result<DefaultRoot> root = pick_root();
  if (!root || !root->unusual) return {};
  return fmt::format("no home directory that can be written to: the store is '{}'", root->path);
}

namespace store {

namespace {

constexpr std::string_view kVersionText = "shale store 1\n";

// Of the isolation probe, which asks before there is a store: its verdict, and where it is at work or was
// killed.
bool is_of_the_probe(std::string_view name) {
  return name.starts_with("isolation") || name.starts_with("probe-");
}

// Everything a store may have at its top, with what an interrupted creation leaves.
bool is_our_name(std::string_view name) {
  constexpr std::array<std::string_view, 11> kNames = {"blobs",        "layers",      "builds",    "trash",
                                                       "cache-mounts", "statcache",   "empty",     "reserve",
                                                       "create.lock",  "builds.lock", "trash.lock"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end() || name.starts_with("version") ||
         name.starts_with("db.sqlite") || name.starts_with("host") || is_of_the_probe(name);
}

bool is_network_file_system(int fd) {
  // Magic numbers from statfs(2) where the kernel's header has no name for them.
  constexpr unsigned kCifs = 0xFF534D42;
  constexpr unsigned kSmb2 = 0xFE534D42;
  constexpr unsigned kCeph = 0x00C36400;
  struct statfs info{};
  if (::fstatfs(fd, &info) != 0) return false;
  switch (static_cast<unsigned>(info.f_type)) {
    case NFS_SUPER_MAGIC:
    case SMB_SUPER_MAGIC:
    case AFS_SUPER_MAGIC:
    case V9FS_MAGIC:
    case kCifs:
    case kSmb2:
    case kCeph:
      return true;
    default:
      return false;
  }
}

Status check_owner(int root, const std::string& path) {
  ASSIGN_OR_RETURN(const struct stat info, sys::stat_fd(root));
  if (info.st_uid != ::geteuid()) {
    Error error(ErrorKind::kPermission, fmt::format("the store '{}' belongs to user id {}, not to you ({})",
                                                    path, info.st_uid, ::geteuid()));
    if (::geteuid() == 0 && is_network_file_system(root))
      error.add_hint(
          "servers take root for another user (NFS: root_squash): be an ordinary user, or use a local disk");
    error.add_hint("a store has one user; use your own with --root or SHALE_ROOT");
    return fail(std::move(error));
  }
  if ((info.st_mode & 0077) != 0)
    return fail(
        Error(ErrorKind::kPermission,
              fmt::format("other users can enter the store '{}' (mode {:04o})", path, info.st_mode & 07777))
            .hint(fmt::format("layers hold setuid programs; close it: chmod 700 '{}'", path)));
  return {};
}

// Neither made nor opened: it is somebody else's, on a file system that only reads, or no directory at all.
Error cannot_open(Error error, const std::string& path) {
  error.add_context(fmt::format("opening the store '{}'", path));
  error.add_hint(
      "a store is a directory that you can write to and nobody else can enter; name another one with --root "
      "or SHALE_ROOT");
  return error;
}

// A directory without a version file: empty, or an interrupted creation of ours, or somebody's data.
Status check_unused(int root, const std::string& path) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, sys::list_dir(root));
  for (const std::string& name : names)
    if (!is_our_name(name))
      return fail(
          Error(ErrorKind::kUsage, fmt::format("'{}' is no store and not empty: it holds '{}'", path, name))
              .hint("name a new or an empty directory with --root"));
  // An empty directory of ours (mkdir store; shale --root store …, a container's new volume) is closed
  // instead of refused. What others may have put into it is not what our probe did.
  const bool unused = std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    const Result<struct stat> info = sys::stat_at(root, name);
    return is_of_the_probe(name) && info && info->st_uid == ::geteuid();
  });
  if (unused) {
    ASSIGN_OR_RETURN(const struct stat info, sys::stat_fd(root));
    if (info.st_uid == ::geteuid() && ::fchmod(root, 0700) != 0)
      return fail_errno(errno, fmt::format("chmod '{}'", path));
  }
  return {};
}

// One host at a time where file locks do not reach another host's memory: a shared lock is held while the
// store is open, and the file says which boot of which host holds it.
Result<sys::FileLock> claim_host(const StoreContext& context) {
  using Mode = sys::FileLock::Mode;
  const std::string me = context.boot_id + "\n";
  for (int attempt = 0; attempt < 2; ++attempt) {
    ASSIGN_OR_RETURN(sys::FileLock shared,
                     sys::FileLock::acquire(context.root.get(), "host.lock", Mode::kShared));
    const Result<std::string> holder = sys::read_file(context.root.get(), "host");
    if (holder && *holder == me) return shared;
    shared = {};
    Result<sys::FileLock> exclusive =
        sys::FileLock::try_acquire(context.root.get(), "host.lock", Mode::kExclusive);
    if (!exclusive)
      return fail(
          Error(ErrorKind::kBusy, fmt::format("the store '{}' is on a network file system and in use by "
                                              "another host",
                                              context.root_path))
              .hint("wait for that host, or use a store on a local disk (--root)"));
    RETURN_IF_ERROR(sys::replace_file(context.root.get(), "host", me, 0600));
  }
  return fail(ErrorKind::kBusy, fmt::format("other hosts keep taking the store '{}'", context.root_path));
}

// Builds make and remove many short-lived files, and ext4 without a journal passes over the inodes that were
// removed in the last minutes one by one when it looks for a free one (recently_deleted in fs/ext4/ialloc.c):
// each RUN took longer than the one before. The top of a hierarchy, as this flag calls it, has its
// directories in places of the disk that are far from each other. Other file systems refuse it.
void keep_apart(int directory) {
  int flags = 0;
  if (::ioctl(directory, FS_IOC_GETFLAGS, &flags) != 0) return;
  flags |= FS_TOPDIR_FL;
  (void)::ioctl(directory, FS_IOC_SETFLAGS, &flags);
}

Status lay_out(StoreContext& context, const Database::Options& database_options,
               const std::string& database_path) {
  // Two first opens at once: the second finds everything made.
  ASSIGN_OR_RETURN(const sys::FileLock lock, sys::FileLock::acquire(context.root.get(), "create.lock",
                                                                    sys::FileLock::Mode::kExclusive));
  for (const char* name : {"blobs", kBlobDirectory, "layers", "builds", "trash", "cache-mounts", "statcache"})
    RETURN_IF_ERROR(sys::make_dir(context.root.get(), name, 0700));
  ASSIGN_OR_RETURN(const UniqueFd builds,
                   sys::open_at(context.root.get(), "builds", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  keep_apart(builds.get());
  // Shows through as the root directory of a snapshot of nothing.
  RETURN_IF_ERROR(sys::make_dir(context.root.get(), "empty", 0755));
  ASSIGN_OR_RETURN(const UniqueFd empty, sys::open_at(context.root.get(), "empty", O_RDONLY | O_DIRECTORY));
  if (::fchmod(empty.get(), 0755) != 0) return fail_errno(errno, "chmod the store's empty directory");
  ASSIGN_OR_RETURN(const std::unique_ptr<Database> database, Database::open(database_path, database_options));
  RETURN_IF_ERROR(migrate_schema(*database));
  RETURN_IF_ERROR(make_reserve(context.root.get()));
  // Last: its presence says that all the rest is there.
  if (!sys::exists_at(context.root.get(), "version"))
    RETURN_IF_ERROR(sys::replace_file(context.root.get(), "version", kVersionText, 0600, true));
  return {};
}

Result<std::string> read_boot_id() {
  ASSIGN_OR_RETURN(std::string text, sys::read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

Result<std::string> absolute(const std::string& path) {
  if (path.starts_with('/')) return path;
  std::array<char, PATH_MAX> here{};
  if (::getcwd(here.data(), here.size()) == nullptr) return fail_errno(errno, "find the working directory");
  return fmt::format("{}/{}", here.data(), path);
}

}  // namespace

Result<std::unique_ptr<StoreContext>> open_root(const std::string& root, const StoreOptions& options) {
  if (root.empty()) return fail(ErrorKind::kUsage, "the store's path is empty");
  auto context = std::make_unique<StoreContext>();
  ASSIGN_OR_RETURN(context->root_path, absolute(root));
  const std::string& path = context->root_path;
  constexpr int kDirectory = O_RDONLY | O_DIRECTORY;
  Result<UniqueFd> directory = sys::open_at(AT_FDCWD, path, kDirectory);
  if (!directory && directory.error().errno_value() == ENOENT) {
    if (Status made = sys::make_dir(AT_FDCWD, path, 0700, true); !made)
      return fail(cannot_open(std::move(made.error()), path));
    directory = sys::open_at(AT_FDCWD, path, kDirectory);
  }
  if (!directory) return fail(cannot_open(std::move(directory.error()), path));
  context->root = std::move(*directory);

  const Result<std::string> version = sys::read_file(context->root.get(), "version", 4096);
  const bool complete = version.has_value();
  if (!complete) {
    if (version.error().errno_value() != ENOENT) {
      RETURN_IF_ERROR(check_owner(context->root.get(), path));  // the likelier cause, better told
      return fail(Error(version.error()).context("opening the store"));
    }
    RETURN_IF_ERROR(check_unused(context->root.get(), path));
  }
  RETURN_IF_ERROR(check_owner(context->root.get(), path));
  if (complete && *version != kVersionText)
    return fail(Error(ErrorKind::kUnsupported,
                      fmt::format("the store '{}' has a layout that this shale does not know", path))
                    .hint("use the shale that made it, or another store with --root"));

  ASSIGN_OR_RETURN(context->boot_id, read_boot_id());
  // Even a list of images takes locks and drops what dead builds left.
  if (::faccessat(context->root.get(), ".", W_OK, AT_EACCESS) != 0)
    return fail(cannot_open(Error::system(errno, fmt::format("write to '{}'", path)), path));
  context->network_file_system = is_network_file_system(context->root.get());
  if (context->network_file_system) {
    ASSIGN_OR_RETURN(context->host_lock, claim_host(*context));
  }
  const Database::Options database_options{.busy_timeout = options.busy_timeout,
                                           .write_ahead_log = !context->network_file_system};
  const std::string database_path = path + "/db.sqlite";
  if (!complete) RETURN_IF_ERROR(lay_out(*context, database_options, database_path));
  ASSIGN_OR_RETURN(context->database, Database::open(database_path, database_options));
  ASSIGN_OR_RETURN(const bool current, schema_is_current(*context->database));
  if (!current) RETURN_IF_ERROR(migrate_schema(*context->database));

  struct Part {
    const char* name;
    UniqueFd* fd;
  };
  for (const Part& part : {Part{kBlobDirectory, &context->blobs}, Part{"layers", &context->layers},
                           Part{"builds", &context->builds}, Part{"trash", &context->trash},
                           Part{"cache-mounts", &context->cache_mounts}}) {
    ASSIGN_OR_RETURN(*part.fd, sys::open_at(context->root.get(), part.name, kDirectory));
  }
  return context;
}

}  // namespace store
}  // namespace shale
