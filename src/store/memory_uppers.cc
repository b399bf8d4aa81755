// SPDX-License-Identifier: Apache-2.0
#include "store/memory_uppers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>
#include <optional>

#include "runtime/cgroup_files.h"
#include "store/store.h"
#include "sys/files.h"

namespace shale::store {

namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

// What a container's cgroup, which is the topmost that it sees, leaves. Of version 2, then of version 1.
std::uint64_t left_by_cgroup() {
  constexpr const char* kFiles[][2] = {
      {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"},
      {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"}};
  for (const auto& [limit_file, usage_file] : kFiles) {
    const std::optional<std::uint64_t> limit = runtime::read_number(AT_FDCWD, limit_file);
    if (limit) return *limit - std::min(*limit, runtime::read_number(AT_FDCWD, usage_file).value_or(0));
  }
  return kNoLimit;
}

std::uint64_t available_memory() {
  constexpr std::string_view kKey = "MemAvailable:";
  const Result<std::string> text = sys::read_file(AT_FDCWD, "/proc/meminfo", std::size_t{64} << 10);
  if (!text) return kNoLimit;
  std::size_t at = text->find(kKey);
  if (at == std::string::npos) return kNoLimit;
  at = text->find_first_not_of(' ', at + kKey.size());
  std::uint64_t kilobytes = 0;
  if (at == std::string::npos ||
      std::from_chars(text->data() + at, text->data() + text->size(), kilobytes).ec != std::errc())
    return kNoLimit;
  return kilobytes * 1024;
}

}  // namespace

std::uint64_t spare_memory() {
  const std::uint64_t left = std::min(available_memory(), left_by_cgroup());
  return left == kNoLimit ? 0 : left / 2;
}

Result<MemoryUppers> MemoryUppers::mount(Store& store, BuildLease& lease, std::uint64_t bytes) {
  std::string path = lease.path() + "/memory";
  RETURN_IF_ERROR(sys::make_dir(store.root_fd(), path, 0700));
  std::string place = fmt::format("{}/{}", store.root(), path);
  // The limit of inodes that a tmpfs has by itself is made for another machine's memory than this one.
  const std::string options = fmt::format("mode=0700,nr_inodes=0,size={}", bytes);
  if (::mount("tmpfs", place.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0)
    return fail_errno(errno, fmt::format("mount a tmpfs on '{}'", place));
  // Opened anew: what was open is the directory below it.
  ASSIGN_OR_RETURN(UniqueFd top, sys::open_at(store.root_fd(), path, O_RDONLY | O_DIRECTORY));
  return MemoryUppers(std::move(path), std::move(place), std::move(top));
}

MemoryUppers::~MemoryUppers() {
  if (top_) (void)::umount2(place_.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
}

Result<WorkDirectory> MemoryUppers::new_directory() {
  const std::string name = fmt::format("{}", next_++);
  RETURN_IF_ERROR(sys::make_dir(top_.get(), name, 0700));
  RETURN_IF_ERROR(sys::make_dir(top_.get(), name + "/fs", 0755));
  WorkDirectory made{.wrapper = fmt::format("{}/{}", path_, name), .fs = {}};
  ASSIGN_OR_RETURN(made.fs, sys::open_at(top_.get(), name + "/fs", O_RDONLY | O_DIRECTORY));
  return made;
}

void MemoryUppers::discard(Store& store, WorkDirectory directory) {
  directory.fs.reset();
  // What cannot be removed goes with the mount.
  for (const std::string& path : {directory.wrapper, directory.work_path(), directory.mount_path()})
    (void)sys::remove_tree(store.root_fd(), path);
}

bool MemoryUppers::full() const {
  // A program that wanted more than the rest gives up with some of it left.
  constexpr std::uint64_t kRest = 16;
  struct statvfs info{};
  return ::fstatvfs(top_.get(), &info) == 0 &&
         info.f_bavail < std::max(info.f_blocks / kRest, std::uint64_t{1});
}

}  // namespace shale::store
