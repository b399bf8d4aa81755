// SPDX-License-Identifier: Apache-2.0
#include "runtime/sandbox_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/path.h"

namespace shale::runtime {

namespace {

constexpr std::size_t kMaxHostname = 64;      // __NEW_UTS_LEN
constexpr std::size_t kMaxFilter = 4096 * 8;  // BPF_MAXINSNS instructions
constexpr std::size_t kMaxGroups = 65536;     // NGROUPS_MAX

std::unexpected<Error> bad(std::string what) {
  return fail(ErrorKind::kInternal, fmt::format("the sandbox's specification is wrong: {}", what));
}

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

Status validate_path(std::string_view what, const std::string& path) {
  if (path.empty() || path[0] != '/') return bad(fmt::format("{} '{}' is not absolute", what, path));
  if (has_nul(path)) return bad(fmt::format("{} holds a NUL byte", what));
  return {};
}

Status validate_mount(const SandboxMount& mount) {
  RETURN_IF_ERROR(validate_path("the mount target", mount.target));
  if (mount.target.find_first_not_of('/') == std::string::npos)
    return bad("a mount on '/' would hide the root");
  // A mount there would fool whoever reads it (CVE-2019-16884).
  if (lies_in(mount.target, "/proc"))
    return fail(ErrorKind::kDockerfile,
                fmt::format("mount on '{}': nothing can be mounted on or below /proc", mount.target));
  switch (mount.kind) {
    case SandboxMount::Kind::kBind:
      if (mount.fd < 0) return bad(fmt::format("the bind mount on '{}' has no source", mount.target));
      if (mount.detached && mount.recursive)
        return bad(fmt::format("the detached mount on '{}' cannot be recursive", mount.target));
      break;
    case SandboxMount::Kind::kTmpfs:
    case SandboxMount::Kind::kFile:
      if (mount.fd >= 0) return bad(fmt::format("the mount on '{}' takes no descriptor", mount.target));
      if ((mount.mode & ~mode_t{07777}) != 0)
        return bad(fmt::format("mode {:o} of '{}'", mount.mode, mount.target));
      break;
  }
  return {};
}

Status validate_strings(std::string_view what, const std::vector<std::string>& strings) {
  for (const std::string& text : strings)
    if (has_nul(text)) return bad(fmt::format("{} holds a NUL byte", what));
  return {};
}

}  // namespace

Status validate(const SandboxSpec& spec) {
  if (spec.root_fd < 0) return bad("there is no root");
  if (spec.isolation == Isolation::kChroot) {
    if (spec.scratch_fd < 0) return bad("there is no directory for what is moved aside");
    if (spec.network != SandboxNetwork::kHost) return bad("isolation chroot has no network of its own");
  }
  if (spec.isolation == Isolation::kNone) return bad("isolation none runs no command");
  for (const SandboxMount& mount : spec.mounts) RETURN_IF_ERROR(validate_mount(mount));
  if (spec.args.empty() || spec.args[0].empty())
    return fail(ErrorKind::kDockerfile, "the command to run is empty");
  RETURN_IF_ERROR(validate_strings("an argument", spec.args));
  RETURN_IF_ERROR(validate_strings("an environment variable", spec.env));
  for (const std::string& entry : spec.env)
    if (entry.find('=') == std::string::npos || entry[0] == '=')
      return bad(fmt::format("the environment entry '{}' is not NAME=value", entry));
  RETURN_IF_ERROR(validate_path("the working directory", spec.cwd));
  if (spec.groups.size() > kMaxGroups) return bad("there are more than 65536 supplementary groups");
  if (spec.hostname.empty() || spec.hostname.size() > kMaxHostname || has_nul(spec.hostname))
    return bad(
        fmt::format("the host name '{}' is empty or longer than {} bytes", spec.hostname, kMaxHostname));
  if ((spec.network == SandboxNetwork::kJoin) != (spec.network_fd >= 0))
    return bad("a network descriptor goes with a joined network, and only with that");
  for (const std::string& program : spec.seccomp_programs)
    if (program.empty() || program.size() % 8 != 0 || program.size() > kMaxFilter)
      return bad("a seccomp program is not 1 to 4096 instructions");
  for (const ResourceLimit& limit : spec.limits)
    if (limit.resource < 0 || limit.soft > limit.hard)
      return bad(fmt::format("resource limit {}", limit.resource));
  if (spec.oom_score_adj < -1 || spec.oom_score_adj > 1000) return bad("oom_score_adj is not in 0–1000");
  for (const auto* paths : {&spec.masked_paths, &spec.read_only_paths})
    for (const std::string& path : *paths) {
      RETURN_IF_ERROR(validate_path("the masked or read-only path", path));
      // Only there are the names the kernel's and not the image's, so that none of them can be a trap.
      if (!lies_in(path, "/proc") && !lies_in(path, "/sys"))
        return bad(fmt::format("the masked or read-only path '{}' is not below /proc or /sys", path));
    }
  return {};
}

}  // namespace shale::runtime
