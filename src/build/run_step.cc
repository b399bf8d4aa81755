// SPDX-License-Identifier: Apache-2.0
#include "build/run_step.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/path.h"
#include "build/image_users.h"
#include "build/run_files.h"
#include "build/run_outcome.h"
#include "build/run_owners.h"
#include "build/ulimits.h"
#include "plan/scope.h"
#include "sys/files.h"
#include "sys/mount_table.h"

namespace shale::build {

namespace {

constexpr std::size_t kTailBytes = 64 * 1024;

}  // namespace

Result<RunEnvironment> RunEnvironment::create(const BuildState& state) {
  ASSIGN_OR_RETURN(runtime::Launcher launcher, runtime::Launcher::create());
  std::vector<std::string> programs;
  if (state.seccomp) {
    ASSIGN_OR_RETURN(runtime::SeccompFilters filters, state.seccomp->compile());
    programs = std::move(filters.programs);
  }
  // We are a clone of the process that the user has started.
  ASSIGN_OR_RETURN(runtime::StepCgroups cgroups,
                   runtime::StepCgroups::prepare(state.request.limits, state.cgroup_place, ::getppid(),
                                                 state.lease->id()));
  ASSIGN_OR_RETURN(const sys::MountTable mounts, sys::read_mount_table());
  std::vector<std::string> masked = runtime::default_masked_paths();
  for (std::string& path : runtime::mounts_on_sysfs(mounts)) masked.push_back(std::move(path));
  return RunEnvironment{.launcher = std::move(launcher),
                        .seccomp_programs = std::move(programs),
                        .masked_paths = std::move(masked),
                        .cgroups = std::move(cgroups)};
}

const runtime::OomKills& RunEnvironment::recent_kills(const runtime::CgroupPlace& place) {
  const auto now = std::chrono::steady_clock::now();
  if (now - kills_counted >= std::chrono::seconds(1)) {
    kills = runtime::count_oom_kills(place);
    kills_counted = now;
  }
  return kills;
}

RunStep::RunStep(BuildState& state, const plan::Node& node, LayerStack below, Snapshotter snapshotter)
    : state_(state),
      node_(node),
      op_(std::get<plan::RunOp>(node.op)),
      below_(std::move(below)),
      snapshotter_(snapshotter),
      root_(state, below_, view_, snapshotter) {}

Status RunStep::prepare() {
  RETURN_IF_ERROR(refuse_what_chroot_lacks());
  ASSIGN_OR_RETURN(view_, view_of(*state_.store, below_));
  fds_.clear();
  cache_mounts_.clear();
  forwarders_.clear();
  cache_ids_.clear();
  copied_binds_.clear();
  spec_ = {};
  spec_.isolation = state_.isolation.isolation;
  spec_.bound_proc = state_.isolation.bound_proc;
  spec_.args = op_.args;
  spec_.env = op_.env;
  spec_.cwd = op_.working_dir;
  spec_.hostname = sandbox_hostname(state_.request.build_args);
  spec_.network =
      op_.network == NetworkMode::kNone ? runtime::SandboxNetwork::kNone : runtime::SandboxNetwork::kHost;
  if (state_.request.shm_bytes != 0) spec_.shm_bytes = state_.request.shm_bytes;
  spec_.limits = command_limits(state_.request.ulimits);
  spec_.no_new_privs = state_.request.security.no_new_privileges;
  spec_.seccomp_required = state_.request.security.seccomp != SecurityOptions::Seccomp::kDefault;
  for (std::string& setting : plan::proxy_environment(state_.request.build_args))
    spec_.env.push_back(std::move(setting));
  RETURN_IF_ERROR(prepare_user());

  spec_.mounts.push_back(text_mount("/etc/hosts", hosts_file(spec_.hostname, state_.request.add_hosts)));
  spec_.mounts.push_back(text_mount("/etc/resolv.conf", resolv_conf()));
  if (op_.script) {
    runtime::SandboxMount script = text_mount(plan::kScriptDirectory + op_.script->first, op_.script->second);
    script.mode = 0755;
    spec_.mounts.push_back(std::move(script));
  }
  for (const plan::MountOp& mount : op_.mounts) RETURN_IF_ERROR(prepare_mount(mount));
  return {};
}

Status RunStep::prepare_user() {
  const auto read = [this](const std::string& path) {
    return read_layer_file(*state_.store, below_, view_, path);
  };
  ASSIGN_OR_RETURN(const RunUser user, resolve_run_user(op_.user, read));
  spec_.uid = user.uid;
  spec_.gid = user.gid;
  spec_.groups.assign(user.groups.begin(), user.groups.end());
  const auto has_home = [](const std::string& entry) { return entry.starts_with("HOME="); };
  if (std::none_of(spec_.env.begin(), spec_.env.end(), has_home)) spec_.env.push_back("HOME=" + user.home);
  return {};
}

Status RunStep::make_root() {
  for (const CopiedBind& bind : copied_binds_) RETURN_IF_ERROR(make_copied_bind(bind));
  CopyPlan stubs(view_, std::nullopt, std::nullopt);
  for (std::size_t i = 0; i < spec_.mounts.size(); ++i) {
    const runtime::SandboxMount& mount = spec_.mounts[i];
    if (lies_in(mount.target, "/dev") || lies_in(mount.target, "/sys")) continue;  // not the image's
    bool is_directory = mount.kind == runtime::SandboxMount::Kind::kTmpfs;
    if (mount.kind == runtime::SandboxMount::Kind::kBind) {
      ASSIGN_OR_RETURN(const struct stat info, sys::stat_at(mount.fd, ""));
      is_directory = S_ISDIR(info.st_mode);
    }
    ASSIGN_OR_RETURN(const bool inside_another, make_nested_mount_point(i, is_directory));
    if (!inside_another) RETURN_IF_ERROR(stubs.add_mount_point(mount.target, is_directory));
  }
  // What runc makes in an image that lacks it stays in the step's layer: the working directory, and the
  // places of the kernel's file systems.
  CopyPlan made(view_, std::nullopt, std::nullopt);
  for (const char* directory : {"/proc", "/dev", "/sys"})
    RETURN_IF_ERROR(made.add_mount_point(directory, true));
  RETURN_IF_ERROR(made.add_directory(op_.working_dir, {}));
  if (spec_.isolation == Isolation::kChroot) {
    ASSIGN_OR_RETURN(store::WorkDirectory scratch, state_.lease->new_directory());
    spec_.scratch_fd = scratch.fs.get();
    scratch_.push_back(std::move(scratch));
  }
  ASSIGN_OR_RETURN(UniqueFd root, root_.make(stubs, made));
  spec_.root_fd = root.get();
  fds_.push_back(std::move(root));
  return {};
}

// What one id cannot express is recorded by the sandbox: it is told what the layers below say, and tells what
// became of it.
Status RunStep::prepare_emulation() {
  if (state_.isolation.isolation != Isolation::kSingle) return {};
  spec_.emulate_ids = true;
  ASSIGN_OR_RETURN(spec_.owner_journal, owners_below(state_, op_, view_));
  journal_ = UniqueFd(::memfd_create("owners", MFD_CLOEXEC));
  if (!journal_) return fail_errno(errno, "make a file in memory");
  spec_.journal_fd = journal_.get();
  return {};
}

Status RunStep::start(RunEnvironment& environment) {
  RETURN_IF_ERROR(prepare_emulation());
  spec_.seccomp_programs = environment.seccomp_programs;
  spec_.masked_paths = environment.masked_paths;
  ASSIGN_OR_RETURN(FdPair out, sys::make_pipe());
  ASSIGN_OR_RETURN(FdPair err, sys::make_pipe());
  for (FdPair* pipe : {&out, &err})
    if (::fcntl(pipe->first.get(), F_SETFL, O_NONBLOCK) != 0)
      return fail_errno(errno, "make a pipe non-blocking");
  spec_.stdout_fd = out.second.get();
  spec_.stderr_fd = err.second.get();
  ASSIGN_OR_RETURN(log_path_, make_log_path(*state_.store, state_.lease->id(), node_.id));
  ASSIGN_OR_RETURN(cgroup_, environment.cgroups.make(std::to_string(node_.id)));
  if (cgroup_) {
    spec_.cgroup_fd = cgroup_->fd();
    limit_above_ = environment.cgroups.memory_limit_above();
  } else {
    kills_before_ = environment.recent_kills(state_.cgroup_place);
  }
  ASSIGN_OR_RETURN(sandbox_, environment.launcher.start(spec_));
  output_[0] = std::move(out.first);
  output_[1] = std::move(err.first);
  // The mounts now belong to the sandbox alone.
  fds_.clear();
  spec_.root_fd = -1;
  spec_.scratch_fd = -1;
  spec_.env.clear();
  spec_.mounts.clear();  // with the secrets in them
  spec_.owner_journal.clear();
  return {};
}

std::string RunStep::read_output(int stream) {
  std::string out;
  std::array<char, 65536> buffer{};
  // One buffer at a time: a command that writes without end must not keep the loop from everything else.
  const ssize_t got = ::read(output_[stream].get(), buffer.data(), buffer.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return out;
  if (got <= 0) {
    output_[stream].reset();
    return out;
  }
  out.assign(buffer.data(), static_cast<std::size_t>(got));
  // Most commands that succeed say nothing, and a file costs more than the rest of such a step's bookkeeping.
  if (!log_)
    if (Result<UniqueFd> log =
            sys::open_at(AT_FDCWD, log_path_, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600))
      log_ = std::move(*log);
  (void)sys::write_all(log_.get(), out);  // a log that cannot be written must not fail the build
  remember_lines(out);
  return out;
}

void RunStep::remember_lines(const std::string& bytes) {
  tail_ += bytes;
  if (tail_.size() > 2 * kTailBytes) tail_.erase(0, tail_.size() - kTailBytes);
}

void RunStep::kill() {
  if (sandbox_) sandbox_->kill();
}

Status RunStep::finish() {
  ASSIGN_OR_RETURN(const runtime::SandboxOutcome outcome, sandbox_->finish());
  sandbox_.reset();
  cache_mounts_.clear();
  forwarders_.clear();
  log_.reset();
  const bool no_room = tail_.find(std::strerror(ENOSPC)) != std::string::npos;
  RunCircumstances run{.args = op_.args,
                       .output = std::move(tail_),
                       .log_path = log_path_,
                       .store_fd = state_.store->root_fd(),
                       .own_network = spec_.network == runtime::SandboxNetwork::kNone,
                       .events = cgroup_ ? std::optional(cgroup_->events()) : std::nullopt,
                       .limit_above = limit_above_,
                       .kills_before = kills_before_,
                       .kills_after = {}};
  cgroup_.reset();
  if (outcome.ok()) {
    // It went on without the process, or did not notice.
    if (run.events) remark_ = out_of_memory(run, state_.request.limits);
    return {};
  }
  // What it writes there is memory of its cgroup, too. A command that needs too much itself does so anywhere.
  lacked_memory_ = snapshotter_ == Snapshotter::kTmpfs &&
                   (state_.memory->full() || no_room || files_used_up_memory(run, state_.request.limits));
  run.kills_after = runtime::count_oom_kills(state_.cgroup_place);
  return fail(run_error(outcome, run, state_.request));
}

Result<store::LayerRecord> RunStep::publish() {
  layer::OwnersBeside owners;
  if (journal_) {
    ASSIGN_OR_RETURN(owners, recorded_owners(journal_.get()));
  }
  return root_.publish(std::move(owners));
}

void RunStep::discard() {
  root_.discard();
  for (store::WorkDirectory& scratch : scratch_)
    (void)state_.lease->discard(*state_.store, std::move(scratch));
  scratch_.clear();
  for (store::WorkDirectory& scratch : scratch_in_memory_)
    store::MemoryUppers::discard(*state_.store, std::move(scratch));
  scratch_in_memory_.clear();
}

}  // namespace shale::build
