// SPDX-License-Identifier: Apache-2.0
// Why a host refuses user namespaces: the switches that do it, read back, each with its remedy.
#include <fcntl.h>

#include <cerrno>
#include <string_view>

#include "runtime/userns.h"
#include "sys/files.h"

namespace shale::runtime {

namespace {

std::string first_line(const char* path) {
  constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
  const Result<std::string> text = sys::read_file(AT_FDCWD, path, kMaxBytes);
  return text ? text->substr(0, text->find('\n')) : std::string();
}

// In a chroot, the mount that holds our root lies above it, so no line of mountinfo has "/" as its mount
// point.
bool in_chroot() {
  const Result<std::string> text = sys::read_file(AT_FDCWD, "/proc/self/mountinfo");
  if (!text) return false;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    std::size_t at = 0;
    for (int field = 0; field < 4 && at != std::string_view::npos; ++field) at = line.find(' ', at + 1);
    if (at != std::string_view::npos && line.substr(at).starts_with(" / ")) return false;
    rest.remove_prefix(line.size() == rest.size() ? rest.size() : line.size() + 1);
  }
  return true;
}

bool under_seccomp() {
  const Result<std::string> text = sys::read_file(AT_FDCWD, "/proc/self/status");
  return text && text->find("\nSeccomp:\t2") != std::string::npos;
}

}  // namespace

std::vector<std::string> namespace_hints(int errno_value) {
  std::vector<std::string> hints;
  if (errno_value == ENOSPC || first_line("/proc/sys/user/max_user_namespaces") == "0")
    hints.emplace_back(
        "the limit of user namespaces is reached: as root, sysctl -w user.max_user_namespaces=10000");
  if (errno_value == EINVAL)
    hints.emplace_back("the kernel has no user namespaces (CONFIG_USER_NS), or a thread exists");
  if (errno_value != EPERM && errno_value != EACCES && errno_value != ENOSYS) return hints;
  if (first_line("/proc/sys/kernel/unprivileged_userns_clone") == "0")
    hints.emplace_back(
        "this system forbids user namespaces: as root, sysctl -w kernel.unprivileged_userns_clone=1");
  if (first_line("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1")
    hints.emplace_back(
        "AppArmor restricts user namespaces: as root, install a profile for shale with 'userns,', or "
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
  if (in_chroot())
    hints.emplace_back(
        "this process is in a chroot, where the kernel forbids user namespaces: use pivot_root or a "
        "container");
  if (under_seccomp())
    hints.emplace_back(
        "a seccomp filter is in force, as in a container: run it with --security-opt seccomp=unconfined "
        "(docker, "
        "podman) or seccompProfile: Unconfined (Kubernetes)");
  return hints;
}

}  // namespace shale::runtime
