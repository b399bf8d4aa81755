// SPDX-License-Identifier: Apache-2.0
#include "runtime/command.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/emulation/supervisor.h"
#include "runtime/kernel.h"
#include "runtime/report.h"
#include "sys/argv.h"

namespace shale::runtime {

namespace {

void set_standard_streams(const SandboxSpec& spec, int null_fd) {
  const int out = spec.stdout_fd < 0 ? null_fd : spec.stdout_fd;
  const int err = spec.stderr_fd < 0 ? null_fd : spec.stderr_fd;
  if (::dup2(null_fd, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0)
    give_up(SetupStep::kStandardStreams, errno);
  // A command of another user may open /dev/stdout again, which asks for permission on the pipe. Best effort:
  // the owner of a pipe may not be mapped here.
  for (int fd : {1, 2}) {
    struct stat found;
    if (::fstat(fd, &found) == 0 && S_ISFIFO(found.st_mode)) (void)!::fchown(fd, spec.uid, spec.gid);
  }
}

void set_limits(const SandboxSpec& spec) {
  for (const ResourceLimit& limit : spec.limits) {
    const struct rlimit value{.rlim_cur = limit.soft, .rlim_max = limit.hard};
    if (::setrlimit(static_cast<__rlimit_resource_t>(limit.resource), &value) != 0)
      give_up(SetupStep::kLimit, errno, std::to_string(limit.resource));
  }
}

void change_directory(const SandboxSpec& spec) {
  const int dir = open_resolved(AT_FDCWD, spec.cwd.c_str(), O_PATH | O_DIRECTORY, RESOLVE_NO_MAGICLINKS);
  if (dir < 0 || ::fchdir(dir) != 0) give_up(SetupStep::kWorkingDirectory, errno, spec.cwd);
  // A directory outside our root has no path: the kernel says "(unreachable)/…" (CVE-2024-21626).
  char path[4096];
  const long length = ::syscall(SYS_getcwd, path, sizeof path);
  if (length <= 0 && errno == ERANGE) return;  // longer than PATH_MAX: reachable, or it would be shorter
  if (length <= 0 || path[0] != '/')
    give_up(SetupStep::kWorkingDirectory, length <= 0 ? errno : EXDEV, spec.cwd);
  ::close(dir);
}

// In the host's network namespace, the abstract sockets of the host's processes are within reach, whatever
// the mount namespace is (CVE-2020-15257). Landlock's scope closes that from Linux 6.12 on; older kernels
// stay open, as docker's --network=host is.
void restrict_abstract_sockets(bool required) {
  struct {
    std::uint64_t handled_access_fs = 0;
    std::uint64_t handled_access_net = 0;
    std::uint64_t scoped = 1;  // LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
  } attributes;
  const long rules = ::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
  if (rules < 0) return;
  if (::syscall(SYS_landlock_restrict_self, rules, 0) != 0 && (required || errno != EPERM))
    give_up(SetupStep::kLandlock, errno);
  ::close(static_cast<int>(rules));
}

void set_groups(const SandboxSpec& spec) {
  const auto is_primary = [&](gid_t group) { return group == spec.gid; };
  if (::setgroups(spec.groups.size(), spec.groups.data()) != 0 &&
      !(errno == EPERM && std::all_of(spec.groups.begin(), spec.groups.end(), is_primary)))
    give_up(SetupStep::kGroups, errno);
  if (::setresgid(spec.gid, spec.gid, spec.gid) != 0)
    give_up(SetupStep::kGid, errno, std::to_string(spec.gid));
}

void drop_bounding_set(std::uint64_t keep) {
  for (unsigned capability = 0; capability < 64; ++capability) {
    if ((keep >> capability & 1U) != 0) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) return;  // past the kernel's last one
    give_up(SetupStep::kCapabilities, errno, "the bounding set");
  }
}

// At most what we have: without a user namespace of its own, root may be short of some.
void set_capabilities(std::uint64_t capabilities) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) give_up(SetupStep::kCapabilities, errno, "the process");
  for (unsigned half = 0; half < 2; ++half) {
    data[half].permitted &= static_cast<std::uint32_t>(capabilities >> (32 * half));
    data[half].effective = data[half].permitted;
    data[half].inheritable = 0;
  }
  if (::syscall(SYS_capset, &header, data) != 0) give_up(SetupStep::kCapabilities, errno, "the process");
}

void load_seccomp(const std::vector<std::string>& programs, bool required) {
  for (const std::string& bytes : programs) {
    struct sock_fprog program{
        .len = static_cast<unsigned short>(bytes.size() / sizeof(struct sock_filter)),
        .filter = reinterpret_cast<struct sock_filter*>(const_cast<char*>(bytes.data()))};
    // Without SPEC_ALLOW, kernels before 5.16 turn off speculation for the whole process, which costs up to
    // 30 %.
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) != 0 &&
        (required || errno != EACCES))
      give_up(SetupStep::kSeccomp, errno);
  }
}

std::string_view path_variable(const std::vector<std::string>& env) {
  for (const std::string& entry : env)
    if (entry.starts_with("PATH=")) return std::string_view(entry).substr(5);
  return "/bin:/usr/bin";  // what execvp(3) uses without a PATH
}

// execvpe(3) with the PATH of `env` in place of ours, and without its running of unknown files by /bin/sh.
[[noreturn]] void execute(const SandboxSpec& spec) {
  const std::vector<char*> args = sys::exec_list(spec.args);
  const std::vector<char*> env = sys::exec_list(spec.env);
  const std::string& program = spec.args[0];
  if (program.find('/') != std::string::npos) {
    ::execve(program.c_str(), args.data(), env.data());
    // ENOENT is also what a missing interpreter gives; the two need different remedies.
    const int error = errno;
    give_up(SetupStep::kExec, error == ENOENT && ::access(program.c_str(), F_OK) == 0 ? ELIBACC : error,
            program);
  }
  int kept_error = ENOENT;
  std::string_view rest = path_variable(spec.env);
  while (true) {
    const std::size_t colon = rest.find(':');
    std::string path(rest.substr(0, colon));
    path += path.empty() ? "./" : "/";  // an empty element is the working directory
    path += program;
    ::execve(path.c_str(), args.data(), env.data());
    switch (errno) {
      case ENOENT:
        if (::access(path.c_str(), F_OK) == 0) give_up(SetupStep::kExec, ELIBACC, path);
        break;
      case ENOTDIR:
      case ELOOP:
      case ENAMETOOLONG:
        break;
      case EACCES:
        kept_error = EACCES;  // a directory or not executable: a later element may hold the real one
        break;
      default:
        give_up(SetupStep::kExec, errno, path);
    }
    if (colon == std::string_view::npos) break;
    rest.remove_prefix(colon + 1);
  }
  give_up(SetupStep::kExec, kept_error, program);
}

}  // namespace

void become_command(const SandboxSpec& spec, int null_fd, int emulation_fd) {
  // 1. A session of its own: no controlling terminal to push input into (CVE-2016-2568).
  if (::setsid() < 0) give_up(SetupStep::kSession, errno);
  // 2. to 4. need nothing from the filter as long as they come before it, and root's powers as long as they
  //    come before the ids: the working directory may be closed to the user.
  set_standard_streams(spec, null_fd);
  ::umask(022);
  change_directory(spec);
  // In a chroot only there is no CAP_SYS_ADMIN, and no_new_privs would break su: the filter is the
  // container's.
  const bool has_admin = spec.isolation != Isolation::kChroot;
  // 5. Landlock needs CAP_SYS_ADMIN (or no_new_privs) and comes after every mount, which it could forbid.
  if (spec.network == SandboxNetwork::kHost) restrict_abstract_sockets(has_admin);
  // 6. The bounding set, while CAP_SETPCAP is held. It takes nothing from the sets in force.
  drop_bounding_set(spec.capabilities);
  (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  // 7. Groups before the user: afterwards CAP_SETGID is gone. With a single id setgroups(2) is denied for
  //    good, and no group but the primary one is all that can be meant.
  if (!spec.emulate_ids) set_groups(spec);
  if (spec.no_new_privs && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up(SetupStep::kSeccomp, errno);
  // 8. The filter while CAP_SYS_ADMIN is held, because no_new_privs (the other way to be allowed) would break
  //    su and sudo. What follows has to pass it: setresuid, capset, close_range, execve.
  if (emulation_fd >= 0)
    if (const int error = load_emulation_filter(emulation_fd, spec.uid != 0); error != 0)
      give_up(SetupStep::kEmulation, error, "its filter");
  // 9. The limits behind the last descriptor that we open, so that a low number of them is the command's to
  //    deal with, and before the policy, which need not allow it.
  set_limits(spec);
  load_seccomp(spec.seccomp_programs, has_admin || spec.seccomp_required);
  // 10. The user, then the capabilities: setresuid(2) to another user empties the sets, for root they are cut
  //     to the bounding set. The inheritable set stays empty (CVE-2022-24769).
  //     An emulated user keeps them: what it may do to files is decided by the supervisor.
  if (!spec.emulate_ids && ::setresuid(spec.uid, spec.uid, spec.uid) != 0)
    give_up(SetupStep::kUid, errno, std::to_string(spec.uid));
  set_capabilities(spec.uid == 0 || spec.emulate_ids ? spec.capabilities : 0);
  // 11. Last before exec, so that nothing opened on the way leaks: only the status pipe remains,
  // close-on-exec.
  //     Really closed, not marked, because a program path may lead through /proc/self/fd (CVE-2024-21626).
  if (::close(kSpecFd) != 0 && errno != EBADF) give_up(SetupStep::kCloseFds, errno);
  if (::syscall(SYS_close_range, static_cast<unsigned>(kStatusFd + 1), ~0U, 0U) != 0)
    give_up(SetupStep::kCloseFds, errno);
  execute(spec);
}

}  // namespace shale::runtime
