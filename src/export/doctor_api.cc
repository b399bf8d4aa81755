// SPDX-License-Identifier: Apache-2.0
// examine_host: finds out what shale doctor and shale info tell.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/landlock.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "export/isolation.h"
#include "export/transfer.h"
#include "runtime/cgroup_place.h"
#include "runtime/diagnosis.h"
#include "runtime/probe.h"
#include "shale/doctor.h"
#include "shale/version.h"
#include "sys/files.h"
#include "sys/process.h"

namespace shale {

namespace {

using runtime::Examination;

std::string file_system_name(const std::string& path) {
  struct statfs info{};
  if (::statfs(path.c_str(), &info) != 0) return "an unknown file system";
  constexpr std::array<std::pair<unsigned, const char*>, 9> kNames = {{{EXT4_SUPER_MAGIC, "ext4"},
                                                                       {XFS_SUPER_MAGIC, "xfs"},
                                                                       {BTRFS_SUPER_MAGIC, "btrfs"},
                                                                       {TMPFS_MAGIC, "tmpfs"},
                                                                       {OVERLAYFS_SUPER_MAGIC, "overlayfs"},
                                                                       {NFS_SUPER_MAGIC, "nfs"},
                                                                       {FUSE_SUPER_MAGIC, "fuse"},
                                                                       {F2FS_SUPER_MAGIC, "f2fs"},
                                                                       {0x2FC12FC1, "zfs"}}};
  const auto type = static_cast<unsigned>(info.f_type);
  for (const auto& [number, name] : kNames)
    if (number == type) return name;
  return fmt::format("file system {:#x}", type);
}

// In a child: a filter may answer with more than an errno.
bool unshare_is_refused() {
  const pid_t pid = ::fork();
  if (pid < 0) return false;
  if (pid == 0) ::_exit(::unshare(0) == 0 ? 0 : 1);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

std::vector<std::string> foreign_platforms() {
  constexpr const char* kDirectory = "/proc/sys/fs/binfmt_misc";
  std::vector<std::string> out;
  const Result<UniqueFd> directory = sys::open_at(AT_FDCWD, kDirectory, O_RDONLY | O_DIRECTORY);
  if (!directory) return out;
  const Result<std::vector<std::string>> names = sys::list_dir(directory->get());
  if (!names) return out;
  for (const std::string& name : *names)
    if (name.starts_with("qemu-")) out.push_back(name.substr(5));
  return out;
}

// Sorts what kept the probe from better rungs by what it is about.
void take_reasons(Examination& found, const runtime::BuildIsolation& probed) {
  for (const Error& reason : probed.reasons) {
    const std::string text = reason.to_line();
    if (text.find("overlay") != std::string::npos) {
      if (!found.overlay) found.overlay = reason;  // the first: what follows is about the way around it
    } else if (text.find("/proc") != std::string::npos)
      found.fresh_proc = reason;
    else if (text.find("to a subordinate id") != std::string::npos)
      found.giving = reason;
    else if (text.find("map the build's ids") != std::string::npos)
      found.id_range = reason;
    else if (!found.user_namespace && text.find("build's user namespace") != std::string::npos)
      found.user_namespace = reason;
    else if (!found.user_namespace && text.find("build's mount namespace") != std::string::npos)
      found.user_namespace = reason;
  }
}

}  // namespace

Result<HostReport> examine_host(const std::string& store_root) {
  ASSIGN_OR_RETURN(const std::string root, exporter::resolve_root(store_root));
  ASSIGN_OR_RETURN(const runtime::BuildIsolation remembered, exporter::isolation_for(root));
  Examination found;
  found.facts = runtime::read_host_facts();
  if (Result<std::string> self = sys::self_path()) found.program = std::move(*self);
  ASSIGN_OR_RETURN(found.maps, runtime::plan_id_maps());
  // Asked anew, and for the best: what is remembered or wanted by a variable is not what can be had.
  const auto start = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(const runtime::BuildIsolation probed, runtime::probe_isolation(root));
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  take_reasons(found, probed);
  found.chosen = remembered;
  found.unshare_refused = unshare_is_refused();
  const std::uint32_t action = SECCOMP_RET_USER_NOTIF;
  found.seccomp_notify = ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
  found.landlock_abi = static_cast<int>(
      std::max(0L, ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION)));
  found.fuse_device = ::access("/dev/fuse", R_OK | W_OK) == 0;
  found.store_root = root;
  found.store_file_system = file_system_name(root);
  const runtime::CgroupPlace place = runtime::read_cgroup_place();
  found.cgroups = runtime::no_groups_here(place);
  if (!found.cgroups) found.cgroups = runtime::not_delegated(place, place.own);
  found.foreign_platforms = foreign_platforms();

  HostReport report;
  report.version = version();
  report.kernel = found.facts.kernel;
  report.store_root = root;
  report.store_file_system = found.store_file_system;
  report.isolation = remembered.isolation;
  report.bound_proc = remembered.bound_proc;
  report.snapshotter = remembered.snapshotter;
  if (!remembered.reasons.empty()) report.why = remembered.reasons.front().to_line();
  report.probe_milliseconds = took.count();
  report.findings = runtime::diagnose(found);
  return report;
}

}  // namespace shale
