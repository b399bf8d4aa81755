// SPDX-License-Identifier: Apache-2.0
#include "runtime/cgroup_place.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <vector>

#include "runtime/cgroup_files.h"
#include "sys/files.h"

namespace shale::runtime {

namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

bool contains(std::string_view list, std::string_view word) {
  const std::vector<std::string_view> words = split(list, ',');
  return std::find(words.begin(), words.end(), word) != words.end();
}

// The directory of a group in a mount; nothing if the mount does not show it.
std::optional<std::string> directory_in(const sys::Mount& mount, std::string_view group) {
  if (group.starts_with("/..")) return std::nullopt;  // outside of our cgroup namespace
  if (mount.root != "/") {
    if (!group.starts_with(mount.root)) return std::nullopt;
    group.remove_prefix(mount.root.size());
    if (!group.empty() && group[0] != '/') return std::nullopt;
  }
  std::string out = mount.target;
  if (group.size() > 1) out += group;
  return out;
}

std::uint64_t v1_limit(const std::string& directory) {
  const std::uint64_t limit = read_number(AT_FDCWD, directory + "/memory.limit_in_bytes").value_or(0);
  // Without a limit it is the largest number of whole pages.
  constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 62;
  return limit >= kNoLimit ? 0 : limit;
}

bool has_delegate_mark(const std::string& directory) {
  // The first is systemd's since version 251; the second, which only root can read, is older.
  for (const char* name : {"user.delegate", "trusted.delegate"}) {
    char value = '0';
    if (::getxattr(directory.c_str(), name, &value, 1) == 1 && value == '1') return true;
  }
  return false;
}

}  // namespace

CgroupPlace cgroup_place(const sys::MountTable& mounts, std::string_view membership) {
  CgroupPlace place;
  std::string_view own_group;
  std::string_view memory_group;
  for (const std::string_view line : split(membership, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    if (controllers.empty()) own_group = line.substr(second + 1);
    if (contains(controllers, "memory")) memory_group = line.substr(second + 1);
    place.legacy = place.legacy || contains(controllers, "memory") || contains(controllers, "pids");
  }
  for (const sys::Mount& mount : mounts) {
    if (mount.type == "cgroup2") {
      // A later one covers an earlier one, or shows another part of the tree.
      const std::optional<std::string> own =
          own_group.empty() ? std::nullopt : directory_in(mount, own_group);
      if (!own && !place.own.empty()) continue;
      place.mount = mount.target;
      place.own = own.value_or("");
    } else if (mount.type == "cgroup" && !memory_group.empty() && contains(mount.options, "memory")) {
      place.memory_v1 = directory_in(mount, memory_group).value_or("");
    }
  }
  return place;
}

CgroupPlace read_cgroup_place() {
  CgroupPlace place = cgroup_place(sys::read_mount_table().value_or(sys::MountTable{}),
                                   sys::read_file(AT_FDCWD, "/proc/self/cgroup").value_or(""));
  place.systemd = ::access("/run/systemd/system", F_OK) == 0;
  place.delegated = !place.own.empty() && has_delegate_mark(place.own);
  place.root = ::geteuid() == 0;
  return place;
}

std::optional<Error> no_groups_here(const CgroupPlace& place) {
  if (place.legacy)
    return Error(ErrorKind::kUnsupported,
                 "this host's limits are on cgroup v1, which it cannot give to a build")
        .hint("boot it with the kernel parameter systemd.unified_cgroup_hierarchy=1");
  if (place.mount.empty())
    return Error(ErrorKind::kUnsupported, "cgroup v2 is not mounted here")
        .hint("mount it: mount -t cgroup2 none /sys/fs/cgroup");
  return std::nullopt;
}

std::optional<Error> not_delegated(const CgroupPlace& place, const std::string& base) {
  if (base.empty())
    return Error(ErrorKind::kUnsupported, "the cgroup of this process is outside of what is mounted here")
        .hint(delegation_remedy(place));
  bool ours = true;
  for (const char* name : {"", "/cgroup.procs", "/cgroup.subtree_control"}) {
    if (::access((base + name).c_str(), W_OK) == 0) continue;
    if (errno == EROFS)
      return Error(ErrorKind::kUnsupported, "cgroups are mounted read-only here")
          .hint(
              "run the container with writable ones: docker run --privileged, or podman run --security-opt "
              "unmask=/sys/fs/cgroup");
    ours = false;
  }
  // What root may write to is not thereby root's to arrange.
  if (ours && !(place.systemd && place.root && base == place.own && !place.delegated)) return std::nullopt;
  return Error(ErrorKind::kUnsupported, fmt::format("the cgroup '{}' is not delegated to this user", base))
      .hint(delegation_remedy(place));
}

std::string delegation_remedy(const CgroupPlace& place) {
  if (place.systemd)
    return fmt::format("systemd-run {}--scope -p Delegate=yes shale build …", place.root ? "" : "--user ");
  return "name a group that is yours, without processes of its own, with --cgroup-parent";
}

std::uint64_t memory_limit_above(const std::string& mount, const std::string& directory) {
  std::uint64_t least = 0;
  for (std::string path = directory; path.size() >= mount.size() && !mount.empty();
       path.erase(path.find_last_of('/'))) {
    // "max" is no number.
    if (const std::optional<std::uint64_t> limit = read_number(AT_FDCWD, path + "/memory.max"))
      least = least == 0 ? *limit : std::min(least, *limit);
    if (path.find('/') == std::string::npos) break;
  }
  return least;
}

OomKills count_oom_kills(const CgroupPlace& place) {
  OomKills out;
  if (const auto machine = read_entry(AT_FDCWD, "/proc/vmstat", "oom_kill")) {
    out.on_machine = *machine;
    out.counted = true;
  }
  if (!place.memory_v1.empty()) {
    out.in_group = read_entry(AT_FDCWD, place.memory_v1 + "/memory.oom_control", "oom_kill").value_or(0);
    out.group_limit = v1_limit(place.memory_v1);
  } else if (!place.own.empty()) {
    out.in_group = read_entry(AT_FDCWD, place.own + "/memory.events", "oom_kill").value_or(0);
    out.group_limit = memory_limit_above(place.mount, place.own);
  }
  return out;
}

}  // namespace shale::runtime
