// SPDX-License-Identifier: Apache-2.0
#include "runtime/emulation/credentials.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace shale::runtime {

namespace {

// Far above what a build does, far below what a timer would notice (numbers are nanoseconds of its slack).
constexpr std::size_t kMaxCredentials = 4096;

}  // namespace

bool UserIds::set(std::uint32_t id, bool privileged) {
  if (privileged) {
    *this = {id, id, id, id};
    return true;
  }
  if (id != real && id != saved) return false;
  effective = filesystem = id;
  return true;
}

bool UserIds::set_real_effective(std::uint32_t new_real, std::uint32_t new_effective, bool privileged) {
  if (!privileged && new_real != kKeepId && new_real != real && new_real != effective) return false;
  if (!privileged && new_effective != kKeepId && new_effective != real && new_effective != effective &&
      new_effective != saved)
    return false;
  const std::uint32_t old_real = real;
  if (new_real != kKeepId) real = new_real;
  if (new_effective != kKeepId) effective = new_effective;
  if (new_real != kKeepId || (new_effective != kKeepId && new_effective != old_real)) saved = effective;
  filesystem = effective;
  return true;
}

bool UserIds::set_all(std::uint32_t new_real, std::uint32_t new_effective, std::uint32_t new_saved,
                      bool privileged) {
  const auto allowed = [&](std::uint32_t id) {
    return id == kKeepId || privileged || id == real || id == effective || id == saved;
  };
  if (!allowed(new_real) || !allowed(new_effective) || !allowed(new_saved)) return false;
  if (new_real != kKeepId) real = new_real;
  if (new_effective != kKeepId) effective = new_effective;
  if (new_saved != kKeepId) saved = new_saved;
  filesystem = effective;
  return true;
}

void UserIds::set_filesystem(std::uint32_t id, bool privileged) {
  if (privileged || id == real || id == effective || id == saved || id == filesystem) filesystem = id;
}

void Credentials::follow_user(const UserIds& before) {
  const auto is_root = [](const UserIds& ids) {
    return ids.real == 0 || ids.effective == 0 || ids.saved == 0;
  };
  if (is_root(user))
    kept_capabilities = false;
  else if (is_root(before))
    kept_capabilities = keeps_capabilities;
}

void Credentials::execute() {
  user.saved = user.filesystem = user.effective;
  group.saved = group.filesystem = group.effective;
  keeps_capabilities = kept_capabilities = false;
}

bool Credentials::in_group(std::uint32_t gid) const {
  return group.filesystem == gid || std::find(groups.begin(), groups.end(), gid) != groups.end();
}

bool Credentials::permits(const OwnerRecord& owner, mode_t mode, int wanted) const {
  if (user.filesystem == 0)  // CAP_DAC_OVERRIDE, which executes only what somebody may execute
    return (wanted & X_OK) == 0 || S_ISDIR(mode) || (mode & 0111U) != 0;
  unsigned bits = mode & 7U;
  if (user.filesystem == owner.uid)
    bits = mode >> 6 & 7U;
  else if (in_group(owner.gid))
    bits = mode >> 3 & 7U;
  return (static_cast<unsigned>(wanted) & ~bits & 7U) == 0;
}

std::optional<std::size_t> CredentialTable::number_of(Credentials credentials) {
  if (const auto found = numbers_.find(credentials); found != numbers_.end()) return found->second;
  if (list_.size() >= kMaxCredentials) return std::nullopt;
  const auto [made, fresh] = numbers_.emplace(std::move(credentials), list_.size());
  list_.push_back(&made->first);
  return made->second;
}

}  // namespace shale::runtime
