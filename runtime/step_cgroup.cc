// SPDX-License-Identifier: Apache-2.0
#include "runtime/step_cgroup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "runtime/cgroup_files.h"
#include "runtime/process_stat.h"
#include "sys/files.h"

namespace shale::runtime {

namespace {

constexpr const char* kPrefix = "shale-";  // of every group we make
constexpr auto kPause = std::chrono::milliseconds(2);
constexpr int kPatience = 100;  // pauses that the kernel gets to let killed processes go

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Kills who is in it (Linux 5.14), and removes it. False if somebody stays.
bool kill_and_remove(int parent, const std::string& name, int group) {
  (void)write_value(group, "cgroup.kill", "1");
  for (int i = 0; i < kPatience; ++i) {
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno != EBUSY) return true;
    std::this_thread::sleep_for(kPause);
  }
  return false;
}

// Groups of builders that were killed: nobody holds their lock any more.
void sweep(int base) {
  const Result<std::vector<std::string>> names = sys::list_dir(base);
  if (!names) return;
  for (const std::string& name : *names) {
    if (!name.starts_with(kPrefix)) continue;
    const Result<UniqueFd> group = sys::open_at(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (group && ::flock(group->get(), LOCK_EX | LOCK_NB) == 0)
      (void)kill_and_remove(base, name, group->get());
  }
}

// 0 if it is gone.
pid_t parent_of(pid_t pid) {
  return parent_in_stat(sys::read_file(AT_FDCWD, fmt::format("/proc/{}/stat", pid)).value_or(""));
}

bool descends_from(pid_t pid, pid_t top) {
  for (; pid > 1; pid = parent_of(pid))
    if (pid == top) return true;
  return false;
}

// "929 (bash)"; of a process that cannot be seen, the number alone.
std::string pid_and_name(const std::string& pid) {
  Result<std::string> name = sys::read_file(AT_FDCWD, fmt::format("/proc/{}/comm", pid));
  if (!name || name->empty()) return pid;
  if (name->ends_with('\n')) name->pop_back();
  return fmt::format("{} ({})", pid, *name);
}

std::string options_of(const std::vector<CgroupSetting>& settings) {
  std::vector<std::string> options;
  for (const CgroupSetting& setting : settings)
    if (!setting.option.empty() && !contains(options, setting.option)) options.push_back(setting.option);
  return fmt::format("{}", fmt::join(options, ", "));
}

Error not_applied(const std::string& options, std::string_view why, std::string hint) {
  return Error(ErrorKind::kUnsupported,
               fmt::format("{} {} not applied: {}", options,
                           options.find(',') == std::string::npos ? "is" : "are", why))
      .hint(std::move(hint));
}

Error not_applied(const std::string& options, const Error& why) {
  return not_applied(options, why.to_line(), why.hints().front());
}

}  // namespace

StepCgroup::StepCgroup(StepCgroup&& other) noexcept = default;

StepCgroup& StepCgroup::operator=(StepCgroup&& other) noexcept {
  std::swap(parent_, other.parent_);
  std::swap(name_, other.name_);
  std::swap(fd_, other.fd_);
  return *this;
}

StepCgroup::~StepCgroup() {
  if (fd_) (void)kill_and_remove(parent_.get(), name_, fd_.get());
}

CgroupEvents StepCgroup::events() const {
  CgroupEvents out;
  out.oom_kills = read_entry(fd_.get(), "memory.events", "oom_kill").value_or(0);
  out.own_limit = read_entry(fd_.get(), "memory.events.local", "oom").value_or(0) != 0;
  out.refused_forks = read_entry(fd_.get(), "pids.events", "max").value_or(0);
  out.memory_files = read_entry(fd_.get(), "memory.stat", "shmem").value_or(0);
  return out;
}

StepCgroups::~StepCgroups() { return_to_base(); }

Result<StepCgroups> StepCgroups::prepare(const ResourceLimits& limits, const CgroupPlace& place, pid_t top,
                                         const std::string& name) {
  StepCgroups out;
  out.settings_ = cgroup_settings(limits);
  out.name_ = name;
  out.mount_ = place.mount;
  if (const std::optional<Error> problem = no_groups_here(place)) {
    out.drop_all(not_applied(options_of(out.settings_), *problem));
    return out;
  }
  RETURN_IF_ERROR(out.choose_base(limits, place));
  out.keep_applicable(place);
  std::optional<Error> problem = out.hand_on_controllers(place, top);
  if (problem) {
    out.drop_all(std::move(*problem));
    return out;
  }
  sweep(out.base_fd_.get());
  return out;
}

Status StepCgroups::choose_base(const ResourceLimits& limits, const CgroupPlace& place) {
  base_ = place.own;
  if (const std::string& parent = limits.cgroup_parent; !parent.empty()) {
    // As docker reads it: from the root of what is mounted, or from our own group.
    base_ = fmt::format("{}/{}", parent.starts_with('/') ? place.mount : place.own, parent);
    while (base_.ends_with('/')) base_.pop_back();
  } else if (!place.systemd && place.own.size() > place.mount.size()) {
    // A container whose processes have made room for groups beside theirs.
    std::string above = place.own.substr(0, place.own.find_last_of('/'));
    if (::access((above + "/cgroup.procs").c_str(), W_OK) == 0 &&
        read_words(AT_FDCWD, above + "/cgroup.procs").empty() &&
        !read_words(AT_FDCWD, above + "/cgroup.subtree_control").empty())
      base_ = std::move(above);
  }
  if (base_.empty()) return {};
  Result<UniqueFd> fd = sys::open_at(AT_FDCWD, base_, O_RDONLY | O_DIRECTORY);
  if (fd) {
    base_fd_ = std::move(*fd);
  } else if (!limits.cgroup_parent.empty()) {
    return fail(
        Error(ErrorKind::kNotFound,
              fmt::format("--cgroup-parent {}: {}", limits.cgroup_parent, fd.error().to_line()))
            .hint(
                "it takes the path of a cgroup that exists, as /proc/PID/cgroup shows it: from the root, or "
                "without a leading '/' from the one that this process is in"));
  }
  return {};
}

// Limits whose controller is not to be had go, with a word about it.
void StepCgroups::keep_applicable(const CgroupPlace& place) {
  if (!base_fd_) return;
  const std::vector<std::string> there = read_words(base_fd_.get(), "cgroup.controllers");
  std::vector<CgroupSetting> kept;
  std::vector<CgroupSetting> gone;
  std::vector<std::string> missing;
  for (CgroupSetting& setting : settings_) {
    const bool good = contains(there, setting.controller);
    if (!good && !setting.option.empty() && !contains(missing, setting.controller))
      missing.push_back(setting.controller);
    (good ? kept : gone).push_back(std::move(setting));
  }
  settings_ = std::move(kept);
  if (missing.empty()) return;
  problems_.push_back(not_applied(
      options_of(gone),
      fmt::format("the controller {} is not among those of the cgroup '{}'", fmt::join(missing, ", "), base_),
      place.systemd && !place.root
          ? "systemctl edit user@.service, with [Service] and Delegate=cpu cpuset io memory pids; then log "
            "in again"
          : fmt::format("switch it on above: echo +{} >cgroup.subtree_control", fmt::join(missing, " +"))));
}

// After it, groups in the base have the controllers that the settings need, and memory's and processes' for
// what they tell.
std::optional<Error> StepCgroups::hand_on_controllers(const CgroupPlace& place, pid_t top) {
  const std::string options = options_of(settings_);
  if (const std::optional<Error> problem = not_delegated(place, base_fd_ ? base_ : std::string()))
    return not_applied(options, *problem);
  const std::vector<std::string> there = read_words(base_fd_.get(), "cgroup.controllers");
  const std::vector<std::string> on = read_words(base_fd_.get(), "cgroup.subtree_control");
  std::vector<std::string> wanted = {"memory", "pids"};
  for (const CgroupSetting& setting : settings_)
    if (!contains(wanted, setting.controller)) wanted.push_back(setting.controller);
  std::string change;
  for (const std::string& controller : wanted)
    if (contains(there, controller) && !contains(on, controller)) change += " +" + controller;
  if (change.empty()) return std::nullopt;
  change.erase(0, 1);
  // Only the real root of all groups may have processes and hand on controllers; it has no type.
  if (sys::exists_at(base_fd_.get(), "cgroup.type"))
    if (std::optional<Error> problem = leave_base(place, top)) return problem;
  if (Status written = write_value(base_fd_.get(), "cgroup.subtree_control", change); !written)
    return not_applied(options,
                       fmt::format("the cgroup '{}' cannot be divided: {}", base_, written.error().to_line()),
                       delegation_remedy(place));
  handed_on_ = change;
  return std::nullopt;
}

// Everybody in the base has to be ours, and goes to a group beside the commands'.
std::optional<Error> StepCgroups::leave_base(const CgroupPlace& place, pid_t top) {
  constexpr int kMostRounds = 20;  // processes may be made while we move others
  const std::string options = options_of(settings_);
  for (int round = 0; round < kMostRounds; ++round) {
    const std::vector<std::string> pids = read_words(base_fd_.get(), "cgroup.procs");
    if (pids.empty()) return std::nullopt;
    for (const std::string& pid : pids)
      // 0 is a process of another pid namespace.
      if (!descends_from(std::atoi(pid.c_str()), top) &&
          contains(read_words(base_fd_.get(), "cgroup.procs"), pid))  // not ended meanwhile
        return not_applied(
            options, fmt::format("process {} is in the same cgroup ('{}')", pid_and_name(pid), base_),
            "a group with limits for commands may hold shale alone (in a script: exec shale build …): " +
                delegation_remedy(place));
    if (!refuge_) {
      Result<StepCgroup> made = make_locked(fmt::format("{}{}-build", kPrefix, name_));
      if (!made) return not_applied(options, made.error().to_line(), delegation_remedy(place));
      refuge_.emplace(std::move(*made));
    }
    for (const std::string& pid : pids)
      if (Status moved = write_value(refuge_->fd(), "cgroup.procs", pid);
          !moved && moved.error().errno_value() != ESRCH)
        return not_applied(options, moved.error().to_line(), delegation_remedy(place));
  }
  return not_applied(options, fmt::format("the cgroup '{}' does not become empty", base_),
                     delegation_remedy(place));
}

void StepCgroups::return_to_base() {
  if (!refuge_ || !base_fd_) return;
  if (!handed_on_.empty()) {
    std::string change = handed_on_;
    std::replace(change.begin(), change.end(), '+', '-');
    (void)write_value(base_fd_.get(), "cgroup.subtree_control", change);
  }
  for (const std::string& pid : read_words(refuge_->fd(), "cgroup.procs"))
    (void)write_value(base_fd_.get(), "cgroup.procs", pid);
  // If we could not get out, its destructor must not kill us.
  if (!read_words(refuge_->fd(), "cgroup.procs").empty()) refuge_->fd_.reset();
  refuge_.reset();
  handed_on_.clear();
}

void StepCgroups::drop_all(Error reason) {
  return_to_base();
  if (!options_of(settings_).empty()) problems_.push_back(std::move(reason));
  settings_.clear();
  base_.clear();
  base_fd_.reset();
}

Result<StepCgroup> StepCgroups::make_locked(const std::string& name) {
  ASSIGN_OR_RETURN(UniqueFd parent, sys::open_at(base_fd_.get(), ".", O_RDONLY | O_DIRECTORY));
  constexpr int kMostTries = 10;  // somebody who tidies up may take it for forgotten before it is locked
  for (int i = 0; i < kMostTries; ++i) {
    if (::mkdirat(parent.get(), name.c_str(), 0755) != 0 && errno != EEXIST)
      return fail_errno(errno, fmt::format("make the cgroup '{}/{}'", base_, name));
    Result<UniqueFd> fd = sys::open_at(parent.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!fd) continue;
    if (::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) continue;
    const Result<struct stat> named = sys::stat_at(parent.get(), name);
    const Result<struct stat> opened = sys::stat_fd(fd->get());
    if (named && opened && named->st_ino == opened->st_ino)
      return StepCgroup(std::move(parent), name, std::move(*fd));
  }
  return fail(ErrorKind::kBusy, fmt::format("the cgroup '{}/{}' is in use", base_, name));
}

Result<std::optional<StepCgroup>> StepCgroups::make(const std::string& step) {
  if (!base_fd_) return std::nullopt;
  Result<StepCgroup> group = make_locked(fmt::format("{}{}-{}", kPrefix, name_, step));
  if (!group) return fail(std::move(group.error()));
  for (const CgroupSetting& setting : settings_) {
    if (setting.optional && !sys::exists_at(group->fd(), setting.file)) continue;
    if (Status written = write_value(group->fd(), setting.file, setting.value); !written)
      return fail(Error(ErrorKind::kUsage, fmt::format("{}: the kernel does not take {}: {}",
                                                       setting.option.empty() ? setting.file : setting.option,
                                                       setting.value, written.error().to_line()))
                      .hint("the value has to fit this machine and the limits of the groups above"));
  }
  return std::optional<StepCgroup>(std::move(*group));
}

std::uint64_t StepCgroups::memory_limit_above() const {
  return base_.empty() ? 0 : runtime::memory_limit_above(mount_, base_);
}

}  // namespace shale::runtime
