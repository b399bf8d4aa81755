// SPDX-License-Identifier: Apache-2.0
#include "runtime/emulation/owners.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace shale::runtime {

namespace {

constexpr std::string_view kDeleted = " (deleted)";

bool carries_attributes(mode_t mode) { return S_ISREG(mode) || S_ISDIR(mode); }

}  // namespace

std::string path_of(int fd) {
  std::string path(4096, '\0');
  const ssize_t size = ::readlink(own_name(fd).c_str(), path.data(), path.size());
  if (size <= 0 || path[0] != '/') return {};
  path.resize(static_cast<std::size_t>(size));
  if (path.ends_with(kDeleted)) return {};
  return path.substr(1);
}

Owners::Owners(std::string_view earlier) {
  for (JournalEntry& entry : parse_journal(earlier))
    earlier_.insert_or_assign(std::move(entry.path), entry.owner);
}

Owners::Noted* Owners::find(int fd, const struct stat& info) {
  if (const auto found = noted_.find({info.st_dev, info.st_ino}); found != noted_.end())
    return &found->second;
  if (earlier_.empty() || carries_attributes(info.st_mode)) return nullptr;
  const auto named = earlier_.find(path_of(fd));
  if (named == earlier_.end()) return nullptr;
  note(fd, info, named->second);
  // From now on the pin knows better: another file may get this name.
  earlier_.erase(named);
  return &noted_.find({info.st_dev, info.st_ino})->second;
}

void Owners::note(int fd, const struct stat& info, const OwnerRecord& owner) {
  Noted noted{.owner = owner, .pin = OwnedFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)), .path = {}};
  if (!noted.pin) noted.path = path_of(fd);
  noted_.insert_or_assign({info.st_dev, info.st_ino}, std::move(noted));
}

OwnerRecord Owners::read(int fd) {
  const OwnerRecord owner = read_owner(own_name(fd).c_str());
  if (!owner.is_default() || only_attributes()) return owner;
  struct stat info;
  if (::fstat(fd, &info) != 0) return owner;
  const Noted* noted = find(fd, info);
  return noted != nullptr ? noted->owner : owner;
}

int Owners::write(int fd, const struct stat& info, const OwnerRecord& owner) {
  if (carries_attributes(info.st_mode)) {
    const int error = write_owner(own_name(fd).c_str(), owner);
    if (error != EOPNOTSUPP) return error;
  }
  if (Noted* noted = find(fd, info))
    noted->owner = owner;
  else if (!owner.is_default())
    note(fd, info, owner);
  return 0;
}

std::string Owners::journal(int root_fd) const {
  const auto mount_of = [](int fd) -> std::uint64_t {
    struct statx info{};
    return ::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &info) == 0 ? info.stx_mnt_id : 0;
  };
  const std::uint64_t root_mount = mount_of(root_fd);
  std::string out;
  for (const auto& [key, noted] : noted_) {
    if (noted.pin && mount_of(noted.pin.get()) != root_mount) continue;
    std::string path = noted.pin ? path_of(noted.pin.get()) : noted.path;
    if (!path.empty()) append_journal_entry(out, {std::move(path), noted.owner});
  }
  return out;
}

}  // namespace shale::runtime
