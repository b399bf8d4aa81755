// SPDX-License-Identifier: Apache-2.0
#include "build/run_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>
#include <vector>

#include "sys/files.h"

namespace shale::build {

namespace {

constexpr std::size_t kKeptBuildLogs = 20;  // builds whose logs stay

// Keeps the logs of the latest builds.
Status remove_old_logs(int logs) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, sys::list_dir(logs));
  if (names.size() <= kKeptBuildLogs) return {};
  // Each time is asked for once: other builds come and go here, and an order that changes while it is sorted
  // by is none.
  std::vector<std::pair<std::time_t, std::string>> by_age;
  for (const std::string& name : names)
    if (const Result<struct stat> info = sys::stat_at(logs, name)) by_age.emplace_back(info->st_mtime, name);
  std::sort(by_age.begin(), by_age.end());
  for (std::size_t i = 0; i + kKeptBuildLogs < by_age.size(); ++i)
    (void)sys::remove_tree(logs, by_age[i].second);  // another build may be at it too
  return {};
}

}  // namespace

runtime::SandboxMount text_mount(std::string target, std::string content) {
  runtime::SandboxMount mount;
  mount.kind = runtime::SandboxMount::Kind::kFile;
  mount.target = std::move(target);
  mount.content = std::move(content);
  mount.mode = 0644;
  mount.nosuid = mount.nodev = true;
  return mount;
}

std::string sandbox_hostname(const std::vector<std::pair<std::string, std::string>>& build_args) {
  std::string name;
  for (const auto& [key, value] : build_args)
    if (key == "BUILDKIT_SANDBOX_HOSTNAME") name = value;
  return name.empty() ? "buildkitsandbox" : name;
}

std::string hosts_file(const std::string& hostname, const std::vector<ExtraHost>& add_hosts) {
  std::string out =
      fmt::format("127.0.0.1\tlocalhost {}\n::1\tlocalhost ip6-localhost ip6-loopback\n", hostname);
  for (const ExtraHost& host : add_hosts)
    out +=
        fmt::format("{}\t{}\n", host.address == ExtraHost::kGateway ? "127.0.0.1" : host.address, host.name);
  return out;
}

std::string resolv_conf() {
  constexpr std::size_t kLimit = 64 * 1024;
  std::string text = sys::read_file(AT_FDCWD, "/etc/resolv.conf", kLimit).value_or("");
  // The stub listens on the host's loopback only; its upstream servers stand in another file.
  if (text.find("127.0.0.53") != std::string::npos)
    if (Result<std::string> upstream = sys::read_file(AT_FDCWD, "/run/systemd/resolve/resolv.conf", kLimit))
      text = *upstream;
  return text;
}

Result<std::string> make_log_path(const store::Store& store, const std::string& build, int step) {
  const std::string directory = fmt::format("logs/{}", build);
  if (!sys::exists_at(store.root_fd(), directory)) {
    RETURN_IF_ERROR(sys::make_dir(store.root_fd(), directory, 0700, true));
    ASSIGN_OR_RETURN(const UniqueFd logs, sys::open_at(store.root_fd(), "logs", O_RDONLY | O_DIRECTORY));
    RETURN_IF_ERROR(remove_old_logs(logs.get()));
  }
  return fmt::format("{}/{}/{}.log", store.root(), directory, step);
}

std::string full_disk_hint(int store_fd) {
  constexpr std::uint64_t kAlmostNothing = 64 * 1024;  // less than this is no room for a file worth the name
  struct statvfs info{};
  if (::fstatvfs(store_fd, &info) != 0) return {};
  if (info.f_bavail * info.f_frsize < kAlmostNothing)
    return "no space is left on the store's file system: free some, or put the store elsewhere with --root "
           "or SHALE_ROOT";
  if (info.f_files != 0 && info.f_favail == 0)
    return "no space is left for another file (inodes) on the store's file system";
  return {};
}

Status copy_root_metadata(const layer::SnapshotView& view, layer::OwnerEncoding owners, int directory) {
  const std::optional<layer::ViewEntry> root = view.find("");
  const std::uint32_t mode = root ? root->entry->mode : 0755;
  if (root) RETURN_IF_ERROR(layer::give_to_owner(owners, directory, *root->entry));
  if (::fchmod(directory, mode) != 0) return fail_errno(errno, "set the mode of the root directory");
  return {};
}

}  // namespace shale::build
