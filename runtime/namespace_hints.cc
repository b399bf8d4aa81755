// SPDX-License-Identifier: Apache-2.0
// Why a host refuses user namespaces: the switches that do it, each with its remedy.
#include <linux/capability.h>

#include <cerrno>

#include "runtime/host_facts.h"
#include "runtime/userns.h"

namespace shale::runtime {

std::vector<std::string> namespace_hints(int errno_value) {
  return namespace_hints(errno_value, read_host_facts());
}

std::vector<std::string> namespace_hints(int errno_value, const HostFacts& facts) {
  std::vector<std::string> hints;
  if (errno_value == ENOSPC || facts.max_user_namespaces == 0)
    hints.emplace_back(
        "the limit of user namespaces is reached: as root, sysctl -w user.max_user_namespaces=10000");
  if (errno_value == EINVAL)
    hints.emplace_back("the kernel has no user namespaces (CONFIG_USER_NS), or a thread exists");
  if (errno_value != EPERM && errno_value != EACCES && errno_value != ENOSYS) return hints;
  if (facts.unprivileged_userns_clone == 0 && !facts.has_capability(CAP_SYS_ADMIN))
    hints.emplace_back(
        "this system forbids user namespaces: as root, sysctl -w kernel.unprivileged_userns_clone=1");
  if (facts.apparmor_restrict_unprivileged_userns == 1)
    hints.emplace_back(
        "AppArmor restricts user namespaces: 'shale doctor' prints the profile that allows them to shale, or "
        "as "
        "root, sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
  // Both of these can be the cause at once; the chroot is asked about first by the kernel.
  if (facts.in_chroot)
    hints.emplace_back(
        "this process is in a chroot, where the kernel forbids user namespaces: use pivot_root or a "
        "container");
  if (facts.seccomp_filter)
    hints.push_back(
        "a seccomp filter is in force, as in a container: " +
        container_option(facts, "--security-opt seccomp=unconfined", "seccompProfile: {type: Unconfined}"));
  return hints;
}

}  // namespace shale::runtime
