// SPDX-License-Identifier: Apache-2.0
// Why a host refuses user namespaces: the switches that do it, each with its remedy.
#include "runtime/namespace_error.h"

#include <linux/capability.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "runtime/host_facts.h"

namespace shale::runtime {

namespace {

std::vector<std::string> hints_for(int errno_value, const HostFacts& facts) {
  std::vector<std::string> hints;
  if (facts.max_user_namespaces == 0)
    hints.emplace_back("user namespaces are switched off: as root, sysctl -w user.max_user_namespaces=10000");
  else if (errno_value == ENOSPC)
    hints.emplace_back(
        "one of the limits user.max_*_namespaces is reached, here or around this container: see them with "
        "sysctl user, "
        "and raise it as root");
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

}  // namespace

Error namespace_error(int errno_value, std::string what) {
  // "No space left on device" is about no disk here, and what is done about a full one would not help.
  Error error = errno_value == ENOSPC
                    ? Error(ErrorKind::kUnsupported, what + ": the limit of namespaces is reached")
                    : Error::system(errno_value, std::move(what));
  for (std::string& hint : hints_for(errno_value, read_host_facts())) error.add_hint(std::move(hint));
  return error;
}

}  // namespace shale::runtime
