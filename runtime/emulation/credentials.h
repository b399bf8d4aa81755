// SPDX-License-Identifier: Apache-2.0
// Credentials: whom an emulated process takes itself for, and what the kernel's rules allow it to become.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "runtime/emulation/owner_record.h"

namespace shale::runtime {

// "Leave it as it is", in the calls that have it.
inline constexpr std::uint32_t kKeepId = 0xffffffff;

struct UserIds {
  std::uint32_t real = 0;
  std::uint32_t effective = 0;
  std::uint32_t saved = 0;
  std::uint32_t filesystem = 0;
  auto operator<=>(const UserIds&) const = default;

  // The kernel's setuid(2), setreuid(2), setresuid(2) and setfsuid(2), for users and groups alike.
  // `privileged` is what CAP_SETUID and CAP_SETGID would say. False = EPERM, and nothing changed.
  bool set(std::uint32_t id, bool privileged);
  bool set_real_effective(std::uint32_t new_real, std::uint32_t new_effective, bool privileged);
  bool set_all(std::uint32_t new_real, std::uint32_t new_effective, std::uint32_t new_saved, bool privileged);
  void set_filesystem(std::uint32_t id, bool privileged);
};

struct Credentials {
  UserIds user;
  UserIds group;
  std::vector<gid_t> groups;
  bool keeps_capabilities = false;  // PR_SET_KEEPCAPS: ceasing to be root will leave them,
  bool kept_capabilities = false;   // and has left them
  auto operator<=>(const Credentials&) const = default;

  // What the kernel does to capabilities when the ids were `before`, and when a program is executed.
  void follow_user(const UserIds& before);
  void execute();
  [[nodiscard]] bool in_group(std::uint32_t gid) const;
  // Whether a file of this owner and mode may be used so (R_OK, W_OK, X_OK), by the ids that files are
  // accessed with.
  [[nodiscard]] bool permits(const OwnerRecord& owner, mode_t mode, int wanted) const;
};

// All credentials that occur in a sandbox, by number. Number 0 are those of the command. A process carries
// its number in an attribute that the kernel hands on at fork and exec (Session::credentials()), so there
// is no table of processes that could miss one.
class CredentialTable {
 public:
  explicit CredentialTable(Credentials initial) { (void)number_of(std::move(initial)); }

  // Nobody has ever become another: every process has number 0.
  [[nodiscard]] bool only_initial() const { return list_.size() == 1; }
  [[nodiscard]] std::size_t size() const { return list_.size(); }
  [[nodiscard]] const Credentials& at(std::size_t number) const { return *list_[number]; }
  // The number of these; a new one if they never occurred. Nothing when there are too many.
  std::optional<std::size_t> number_of(Credentials credentials);

 private:
  std::map<Credentials, std::size_t> numbers_;
  std::vector<const Credentials*> list_;  // keys of numbers_, which do not move
};

}  // namespace shale::runtime
