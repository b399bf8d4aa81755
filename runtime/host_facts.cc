// SPDX-License-Identifier: Apache-2.0
#include "runtime/host_facts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <initializer_list>
#include <utility>

#include "sys/files.h"

namespace shale::runtime {

namespace {

std::string first_line(const char* path) {
  constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
  const Result<std::string> text = sys::read_file(AT_FDCWD, path, kMaxBytes);
  return text ? text->substr(0, text->find('\n')) : std::string();
}

std::int64_t number_in(const char* path) {
  const std::string text = first_line(path);
  std::int64_t value = -1;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc{}) return -1;
  return value;
}

// The value of "Name:\tvalue" in /proc/self/status.
std::string_view status_field(std::string_view status, std::string_view name) {
  const std::size_t at = status.find(name);
  if (at == std::string_view::npos) return {};
  std::string_view rest = status.substr(at + name.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  return rest.substr(0, rest.find('\n'));
}

// What the makers of containers leave for programs that want to know.
std::string recognised_container() {
  if (::getenv("KUBERNETES_SERVICE_HOST") != nullptr ||
      sys::exists_at(AT_FDCWD, "/var/run/secrets/kubernetes.io"))
    return "kubernetes";
  if (sys::exists_at(AT_FDCWD, "/.dockerenv")) return "docker";
  if (sys::exists_at(AT_FDCWD, "/run/.containerenv")) return "podman";
  if (const char* name = ::getenv("container"); name != nullptr && *name != '\0') return name;
  const Result<std::string> cgroup = sys::read_file(AT_FDCWD, "/proc/1/cgroup");
  if (!cgroup) return {};
  for (const auto& [part, name] : std::initializer_list<std::pair<const char*, const char*>>{
           {"kubepods", "kubernetes"}, {"docker", "docker"}, {"libpod", "podman"}, {"/lxc", "lxc"}})
    if (cgroup->find(part) != std::string::npos) return name;
  return {};
}

// For root, who may look: the first process has another root in the same mount namespace.
bool first_process_has_another_root() {
  const Result<std::string> ours = sys::read_link(AT_FDCWD, "/proc/self/ns/mnt");
  const Result<std::string> first = sys::read_link(AT_FDCWD, "/proc/1/ns/mnt");
  if (!ours || !first || *ours != *first) return false;
  // The mount counts, too: a directory bound somewhere else is the same file there.
  struct statx root{};
  struct statx first_root{};
  constexpr unsigned kMask = STATX_INO | STATX_MNT_ID;
  if (::statx(AT_FDCWD, "/", 0, kMask, &root) != 0 ||
      ::statx(AT_FDCWD, "/proc/1/root", 0, kMask, &first_root) != 0)
    return false;
  return root.stx_ino != first_root.stx_ino || root.stx_mnt_id != first_root.stx_mnt_id;
}

}  // namespace

bool shows_a_chroot(const sys::MountTable& mounts) {
  return std::none_of(mounts.begin(), mounts.end(),
                      [](const sys::Mount& mount) { return mount.target == "/"; });
}

bool HostFacts::can_chroot() const {
  for (const int capability :
       {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_SETGID, CAP_SETUID, CAP_SYS_CHROOT, CAP_MKNOD, CAP_KILL})
    if (!has_capability(static_cast<unsigned>(capability))) return false;
  return uid == 0;
}

HostFacts read_host_facts() {
  HostFacts facts;
  facts.uid = ::geteuid();
  if (const Result<std::string> status = sys::read_file(AT_FDCWD, "/proc/self/status")) {
    const std::string_view effective = status_field(*status, "\nCapEff:");
    (void)std::from_chars(effective.data(), effective.data() + effective.size(), facts.capabilities, 16);
    facts.seccomp_filter = status_field(*status, "\nSeccomp:") == "2";
  }
  facts.no_new_privs = ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
  if (const Result<sys::MountTable> mounts = sys::read_mount_table())
    facts.in_chroot = shows_a_chroot(*mounts) || first_process_has_another_root();
  facts.container = recognised_container();
  struct utsname names{};
  if (::uname(&names) == 0) facts.kernel = names.release;
  facts.max_user_namespaces = number_in("/proc/sys/user/max_user_namespaces");
  facts.unprivileged_userns_clone = number_in("/proc/sys/kernel/unprivileged_userns_clone");
  facts.apparmor_restrict_unprivileged_userns =
      number_in("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
  facts.apparmor_profile = first_line("/proc/self/attr/apparmor/current");
  facts.selinux_enforcing = number_in("/sys/fs/selinux/enforce") == 1;
  return facts;
}

std::string container_option(const HostFacts& facts, const char* docker, const char* kubernetes) {
  if (facts.container == "kubernetes")
    return fmt::format("in the container's securityContext: {}", kubernetes);
  return fmt::format("{} run {} …", facts.container == "podman" ? "podman" : "docker", docker);
}

}  // namespace shale::runtime
