// SPDX-License-Identifier: Apache-2.0
#include "runtime/syscall_numbers.h"

#include <utility>

namespace shale::runtime {

std::optional<int> recent_syscall_number(std::string_view name) {
  // From the kernel's scripts/syscall.tbl. libseccomp 2.5.4 (Debian 12) ends with Linux 5.17.
  static constexpr std::pair<std::string_view, int> kNumbers[] = {
      {"process_madvise", 440},
      {"epoll_pwait2", 441},
      {"mount_setattr", 442},
      {"quotactl_fd", 443},
      {"landlock_create_ruleset", 444},
      {"landlock_add_rule", 445},
      {"landlock_restrict_self", 446},
      {"memfd_secret", 447},
      {"process_mrelease", 448},
      {"futex_waitv", 449},
      {"set_mempolicy_home_node", 450},
      {"cachestat", 451},
      {"fchmodat2", 452},
      {"map_shadow_stack", 453},
      {"futex_wake", 454},
      {"futex_wait", 455},
      {"futex_requeue", 456},
      {"statmount", 457},
      {"listmount", 458},
      {"lsm_get_self_attr", 459},
      {"lsm_set_self_attr", 460},
      {"lsm_list_modules", 461},
      {"mseal", 462},
      {"setxattrat", 463},
      {"getxattrat", 464},
      {"listxattrat", 465},
      {"removexattrat", 466},
      {"open_tree_attr", 467},
      {"file_getattr", 468},
      {"file_setattr", 469},
  };
  for (const auto& [known, value] : kNumbers)
    if (known == name) return value;
  return std::nullopt;
}

}  // namespace shale::runtime
