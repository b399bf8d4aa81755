// SPDX-License-Identifier: Apache-2.0
#include "layer/owner_encoding.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "sys/files.h"

namespace shale::layer {

namespace {

std::unexpected<Error> refused(int errno_value, const Entry& entry) {
  Error error =
      Error::system(errno_value, fmt::format("give '/{}' to {}:{}", entry.path, entry.uid, entry.gid));
  if (errno_value == EINVAL)
    error.add_hint("this id is outside of the range that /etc/subuid and /etc/subgid give you");
  return fail(std::move(error));
}

runtime::OwnerRecord record_of(const Entry& entry) { return {.uid = entry.uid, .gid = entry.gid}; }

}  // namespace

OwnerEncoding owner_encoding_of(std::string_view encoding) {
  return encoding == kSingleEncoding ? OwnerEncoding::kAttributes : OwnerEncoding::kIds;
}

bool has_owner_attributes(int directory) { return runtime::read_attribute(directory).has_value(); }

Status give_to_owner(OwnerEncoding encoding, int fd, const Entry& entry) {
  if (encoding == OwnerEncoding::kAttributes) {
    const int error = runtime::write_owner(fd, record_of(entry));
    return error == 0 || error == EOPNOTSUPP ? Status() : Status(refused(error, entry));
  }
  if (::fchown(fd, entry.uid, entry.gid) != 0) return refused(errno, entry);
  return {};
}

Status give_to_owner_at(OwnerEncoding encoding, int directory, const std::string& name, const Entry& entry) {
  if (encoding == OwnerEncoding::kAttributes) return {};
  if (::fchownat(directory, name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0)
    return refused(errno, entry);
  return {};
}

bool belongs_to_owner(OwnerEncoding encoding, int directory, const std::string& name, const struct stat& info,
                      const Entry& entry) {
  if (encoding == OwnerEncoding::kIds) return info.st_uid == entry.uid && info.st_gid == entry.gid;
  const Result<UniqueFd> fd = sys::open_at(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  return fd && runtime::read_owner(fd->get()) == record_of(entry);
}

}  // namespace shale::layer
