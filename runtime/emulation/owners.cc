// SPDX-License-Identifier: Apache-2.0
#include "runtime/emulation/owners.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "runtime/kernel.h"

namespace shale::runtime {

namespace {

constexpr std::string_view kDeleted = " (deleted)";

bool carries_attributes(mode_t mode) { return S_ISREG(mode) || S_ISDIR(mode); }

// How many descriptors there may be for good: answering a call takes some for a moment, and without them the
// kernel would be left to do what it should not.
std::size_t most_pins() {
  constexpr rlim_t kForCalls = 64;
  struct rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur <= kForCalls) return 0;
  return files.rlim_cur - kForCalls;
}

std::uint64_t mount_of(int fd) {
  struct statx info{};
  return ::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &info) == 0 ? info.stx_mnt_id : 0;
}

// All names below a directory that are no directories, on its mount. What cannot be entered is passed over.
template <typename Visit>
void visit_names(int root_fd, const Visit& visit) {
  std::vector<std::string> pending{""};  // with their slashes
  while (!pending.empty()) {
    const std::string path = std::move(pending.back());
    pending.pop_back();
    const int directory =
        open_resolved(root_fd, path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                      RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
    if (directory < 0) continue;
    DIR* names = ::fdopendir(directory);
    if (names == nullptr) {
      ::close(directory);
      continue;
    }
    while (const struct dirent* found = ::readdir(names)) {
      const std::string_view name = found->d_name;
      struct stat info;
      if (name == "." || name == ".." || ::fstatat(directory, found->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        continue;
      if (S_ISDIR(info.st_mode))
        pending.push_back(path + found->d_name + '/');
      else
        visit(info, path + found->d_name);
    }
    ::closedir(names);
  }
}

}  // namespace

std::string path_of(int fd) {
  std::string path(4096, '\0');
  const ssize_t size = ::readlink(own_name(fd).c_str(), path.data(), path.size());
  if (size <= 0 || path[0] != '/') return {};
  path.resize(static_cast<std::size_t>(size));
  if (path.ends_with(kDeleted)) return {};
  return path.substr(1);
}

int Owners::find_earlier() {
  for (const JournalEntry& entry : earlier_) {
    const OwnedFd fd(open_resolved(AT_FDCWD, ('/' + entry.path).c_str(), O_PATH | O_NOFOLLOW,
                                   RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS));
    if (!fd && (errno == EMFILE || errno == ENFILE)) return errno;
    struct stat info;
    // Devices of a layer are not among the files of a copy of it.
    if (!fd || ::fstat(fd.get(), &info) != 0) continue;
    if (carries_attributes(info.st_mode) && read_attribute(own_name(fd.get()).c_str())) continue;
    if (const int error = note(fd.get(), info, entry.owner); error != 0) return error;
    if (info.st_nlink == 1 || carries_attributes(info.st_mode)) continue;
    OwnedFd pin(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
    if (!pin) return errno;
    several_names_.push_back({.owner = entry.owner, .pin = std::move(pin)});
  }
  earlier_ = {};
  return 0;
}

int Owners::note(int fd, const struct stat& info, const OwnerRecord& owner) {
  if (noted_.size() >= sweep_at_) sweep();
  const std::size_t most = most_pins();
  if (noted_.size() >= most) {
    sweep();
    sweep();
    // Without one, the file's number could be another's soon.
    if (noted_.size() >= most) return EMFILE;
  }
  OwnedFd pin(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!pin) return errno;
  noted_.insert_or_assign({info.st_dev, info.st_ino}, Noted{.owner = owner, .pin = std::move(pin)});
  return 0;
}

// Lets go of what has had no name for long, which otherwise keeps its blocks. A file that is made without a
// name may get one soon.
void Owners::sweep() {
  for (auto item = noted_.begin(); item != noted_.end();) {
    struct stat info;
    const bool nameless = ::fstat(item->second.pin.get(), &info) != 0 || info.st_nlink == 0;
    const bool before = std::exchange(item->second.nameless, nameless);
    item = before && nameless ? noted_.erase(item) : std::next(item);
  }
  sweep_at_ = std::max<std::size_t>(sweep_at_, 2 * noted_.size());
}

Owners::Noted* Owners::find(const Key& key) {
  if (const auto noted = noted_.find(key); noted != noted_.end()) return &noted->second;
  const auto one = std::find_if(several_names_.begin(), several_names_.end(), [&](const Noted& item) {
    struct stat info;
    return ::fstat(item.pin.get(), &info) == 0 && Key{info.st_dev, info.st_ino} == key;
  });
  return one != several_names_.end() ? &*one : nullptr;
}

OwnerRecord Owners::read(int fd) {
  const OwnerRecord owner = read_owner(own_name(fd).c_str());
  if (!owner.is_default() || only_attributes()) return owner;
  struct stat info;
  if (::fstat(fd, &info) != 0) return owner;
  const Noted* noted = find({info.st_dev, info.st_ino});
  return noted != nullptr ? noted->owner : owner;
}

int Owners::write(int fd, const struct stat& info, const OwnerRecord& owner) {
  if (Noted* noted = find({info.st_dev, info.st_ino}); noted != nullptr) {
    noted->owner = owner;
    return 0;
  }
  if (carries_attributes(info.st_mode)) {
    const int error = write_owner(own_name(fd).c_str(), owner);
    if (error != EOPNOTSUPP) return error;
  }
  return owner.is_default() ? 0 : note(fd, info, owner);
}

std::string Owners::journal(int root_fd) const {
  const std::uint64_t root_mount = mount_of(root_fd);
  struct stat root{};
  (void)::fstat(root_fd, &root);
  std::string out;
  std::map<Key, OwnerRecord> to_look_for;
  const auto add = [&](const Noted& noted, const struct stat& info) {
    const Key key{info.st_dev, info.st_ino};
    const bool is_root = key == Key{root.st_dev, root.st_ino};
    std::string path = path_of(noted.pin.get());
    // A descriptor knows one name, which may be gone while others are there.
    if (is_root || (!path.empty() && (info.st_nlink == 1 || S_ISDIR(info.st_mode))))
      append_journal_entry(out, {std::move(path), noted.owner});
    else
      to_look_for.emplace(key, noted.owner);
  };
  const auto is_there = [&](const Noted& noted, struct stat& info) {
    return mount_of(noted.pin.get()) == root_mount && ::fstat(noted.pin.get(), &info) == 0 &&
           info.st_nlink != 0;
  };
  struct stat now;
  // One that has another number now is among those of several names.
  for (const auto& [key, noted] : noted_)
    if (is_there(noted, now) && key == Key{now.st_dev, now.st_ino}) add(noted, now);
  for (const Noted& noted : several_names_)
    if (is_there(noted, now) && !noted_.contains({now.st_dev, now.st_ino})) add(noted, now);
  if (to_look_for.empty()) return out;
  visit_names(root_fd, [&](const struct stat& info, std::string path) {
    if (const auto found = to_look_for.find({info.st_dev, info.st_ino}); found != to_look_for.end())
      append_journal_entry(out, {std::move(path), found->second});
  });
  return out;
}

}  // namespace shale::runtime
