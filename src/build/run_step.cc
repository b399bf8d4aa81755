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

#include "build/image_users.h"
#include "build/run_files.h"
#include "build/run_outcome.h"
#include "build/run_owners.h"
#include "build/tree_writer.h"
#include "build/ulimits.h"
#include "plan/scope.h"
#include "store/snapshot.h"
#include "sys/files.h"

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
  return RunEnvironment{.launcher = std::move(launcher),
                        .seccomp_programs = std::move(programs),
                        .cgroups = std::move(cgroups)};
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
  spec_.mounts.push_back(text_mount("/etc/resolv.conf", resolv_conf(op_.network)));
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

Status RunStep::prepare_mount(const plan::MountOp& mount) {
  switch (mount.kind) {
    case plan::MountOp::Kind::kBind:
      return prepare_bind(mount);
    case plan::MountOp::Kind::kCache:
      return prepare_cache(mount);
    case plan::MountOp::Kind::kTmpfs: {
      runtime::SandboxMount tmpfs;
      tmpfs.kind = runtime::SandboxMount::Kind::kTmpfs;
      tmpfs.target = mount.target;
      tmpfs.size_bytes = mount.tmpfs_bytes;
      tmpfs.mode = 01777;
      tmpfs.nosuid = true;
      spec_.mounts.push_back(std::move(tmpfs));
      return {};
    }
    case plan::MountOp::Kind::kSecret:
      return prepare_secret(mount);
    case plan::MountOp::Kind::kSsh:
      return prepare_ssh(mount);
  }
  return {};
}

Result<UniqueFd> RunStep::open_inside(int root, const std::string& path) const {
  Result<UniqueFd> fd = sys::open_in_root(root, path, O_PATH);
  if (!fd && fd.error().errno_value() == ENOENT)
    return fail(ErrorKind::kDockerfile, fmt::format("\"{}\": not found in the source of the mount", path));
  return fd;
}

Status RunStep::prepare_bind(const plan::MountOp& mount) {
  if (copies()) return prepare_copied_bind(mount);
  const LayerStack stack = state_.stack(mount.source->node);
  const std::vector<std::string> lowers = lower_directories(stack);
  UniqueFd root;
  if (mount.read_only) {
    ASSIGN_OR_RETURN(root, store::mount_read_only(*state_.store, lowers));
  } else {
    // Writes go to an upper directory that nobody keeps.
    const bool in_memory = snapshotter_ == Snapshotter::kTmpfs;
    ASSIGN_OR_RETURN(store::WorkDirectory scratch,
                     in_memory ? state_.memory->new_directory() : state_.lease->new_directory());
    ASSIGN_OR_RETURN(root, store::mount_writable(*state_.store, lowers, scratch));
    (in_memory ? scratch_in_memory_ : scratch_).push_back(std::move(scratch));
  }
  runtime::SandboxMount bind;
  bind.target = mount.target;
  bind.read_only = mount.read_only;
  ASSIGN_OR_RETURN(UniqueFd inside, open_inside(root.get(), mount.source_path));
  // A part of a mount that is attached nowhere is cloned as a mount of its own.
  ASSIGN_OR_RETURN(UniqueFd part, clone_of(inside.get()));
  bind.fd = part.get();
  bind.detached = true;
  spec_.mounts.push_back(std::move(bind));
  fds_.push_back(std::move(part));
  return {};
}

Status RunStep::prepare_cache(const plan::MountOp& mount) {
  store::CacheMountRequest request;
  request.id = mount.id;
  switch (mount.sharing) {
    case plan::MountOp::Sharing::kShared:
      request.sharing = store::CacheMountSharing::kShared;
      break;
    case plan::MountOp::Sharing::kPrivate:
      request.sharing = store::CacheMountSharing::kPrivate;
      break;
    case plan::MountOp::Sharing::kLocked:
      request.sharing = store::CacheMountSharing::kLocked;
      break;
  }
  // Without mounts it is moved into the step's root, where no other step can see it.
  if (state_.isolation.isolation == Isolation::kChroot &&
      request.sharing == store::CacheMountSharing::kShared)
    request.sharing = store::CacheMountSharing::kLocked;
  if (state_.isolation.isolation == Isolation::kChroot && !cache_ids_.insert(mount.id).second)
    return fail(
        Error(ErrorKind::kUnsupported,
              fmt::format("the cache '{}' cannot be in two places at once with isolation chroot", mount.id)));
  request.uid = mount.uid.value_or(0);
  request.gid = mount.gid.value_or(0);
  request.mode = mount.mode.value_or(0755);
  request.owners = state_.owners();
  if (mount.source && mount.source->kind == plan::FileSource::Kind::kNode) {
    request.populate = [this, &mount](int fs_fd) -> Status {
      ASSIGN_OR_RETURN(SourceTree * tree, state_.tree(*mount.source));
      const layer::SnapshotView nothing;
      CopyPlan plan(nothing, std::nullopt, std::nullopt);
      plan::CopyOp op;
      op.paths = {mount.source_path};
      op.destination = "/";
      ASSIGN_OR_RETURN(const std::vector<Selected> selected, select(op, *tree));
      RETURN_IF_ERROR(plan.add(op, *tree, selected));
      return write_tree(plan, fs_fd, state_.owners(), LinkPolicy::kNever);
    };
  }
  ASSIGN_OR_RETURN(store::CacheMount cache, state_.store->cache_mounts().try_acquire(request));
  runtime::SandboxMount bind;
  bind.target = mount.target;
  bind.fd = cache.fd();
  bind.read_only = mount.read_only;
  spec_.mounts.push_back(std::move(bind));
  cache_mounts_.push_back(std::move(cache));
  return {};
}

Status RunStep::prepare_secret(const plan::MountOp& mount) {
  const auto found = std::find_if(state_.secrets.begin(), state_.secrets.end(),
                                  [&](const remote::Secret& secret) { return secret.id == mount.id; });
  if (found == state_.secrets.end()) {
    if (!mount.required) return {};
    return fail(Error(ErrorKind::kDockerfile, fmt::format("secret {}: not found", mount.id))
                    .hint(fmt::format("pass it with --secret id={},src=FILE or --secret id={},env=VARIABLE",
                                      mount.id, mount.id)));
  }
  if (!mount.environment.empty()) spec_.env.push_back(fmt::format("{}={}", mount.environment, found->value));
  if (mount.target.empty()) return {};
  runtime::SandboxMount file = text_mount(mount.target, found->value);
  file.mode = mount.mode.value_or(0400);
  file.uid = mount.uid.value_or(0);
  file.gid = mount.gid.value_or(0);
  file.nosuid = file.nodev = file.noexec = true;
  spec_.mounts.push_back(std::move(file));
  return {};
}

Status RunStep::prepare_ssh(const plan::MountOp& mount) {
  // The variable is there also without an agent, as BuildKit has it: ssh then goes on without.
  const auto names_socket = [](const std::string& entry) { return entry.starts_with("SSH_AUTH_SOCK="); };
  if (std::none_of(spec_.env.begin(), spec_.env.end(), names_socket))
    spec_.env.push_back("SSH_AUTH_SOCK=" + mount.target);
  const std::optional<std::string> agent = state_.ssh.known_socket(mount.id);
  if (!agent) return {};  // start_ssh_agents() has refused what is required
  // Opened anew: a mount can only be taken from the namespace in which its file was opened.
  ASSIGN_OR_RETURN(const UniqueFd directory,
                   sys::open_at(state_.store->root_fd(), state_.lease->path(), O_RDONLY | O_DIRECTORY));
  ASSIGN_OR_RETURN(std::unique_ptr<SshForwarder> forwarder,
                   SshForwarder::start({.agent = *agent,
                                        .directory = directory.get(),
                                        .name = fmt::format("ssh-{}-{}", node_.id, forwarders_.size()),
                                        .uid = mount.uid.value_or(0),
                                        .gid = mount.gid.value_or(0),
                                        .mode = mount.mode.value_or(0600)}));
  runtime::SandboxMount bind;
  bind.target = mount.target;
  bind.fd = forwarder->path_fd();
  bind.nosuid = bind.nodev = bind.noexec = true;
  spec_.mounts.push_back(std::move(bind));
  forwarders_.push_back(std::move(forwarder));
  return {};
}

// A mount point below an earlier mount is made there, if that is a directory that can be written.
Result<bool> RunStep::make_nested_mount_point(std::size_t index, bool is_directory) {
  const std::string& target = spec_.mounts[index].target;
  for (std::size_t i = index; i-- > 0;) {
    const runtime::SandboxMount& outer = spec_.mounts[i];
    if (!target.starts_with(outer.target + "/")) continue;
    if (outer.kind != runtime::SandboxMount::Kind::kBind || outer.read_only) return true;
    std::string inside = target.substr(outer.target.size() + 1);
    if (!is_directory)
      inside = inside.find('/') == std::string::npos ? "" : inside.substr(0, inside.find_last_of('/'));
    // One component at a time, in the mount's own tree: what is there may hold links.
    std::string made;
    for (std::size_t at = 0; at < inside.size();) {
      std::size_t end = inside.find('/', at);
      if (end == std::string::npos) end = inside.size();
      made += (made.empty() ? "" : "/") + inside.substr(at, end - at);
      at = end + 1;
      if (sys::open_in_root(outer.fd, made, O_PATH)) continue;
      const std::size_t slash = made.find_last_of('/');
      ASSIGN_OR_RETURN(const UniqueFd parent,
                       sys::open_in_root(outer.fd, slash == std::string::npos ? "." : made.substr(0, slash),
                                         O_RDONLY | O_DIRECTORY));
      RETURN_IF_ERROR(
          sys::make_dir(parent.get(), slash == std::string::npos ? made : made.substr(slash + 1), 0755));
    }
    return true;
  }
  return false;
}

Status RunStep::make_root() {
  for (const CopiedBind& bind : copied_binds_) RETURN_IF_ERROR(make_copied_bind(bind));
  CopyPlan stubs(view_, std::nullopt, std::nullopt);
  for (std::size_t i = 0; i < spec_.mounts.size(); ++i) {
    const runtime::SandboxMount& mount = spec_.mounts[i];
    if (mount.target == "/dev" || mount.target.starts_with("/dev/") || mount.target.starts_with("/proc/") ||
        mount.target.starts_with("/sys/"))
      continue;
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
    kills_before_ = runtime::count_oom_kills(state_.cgroup_place);
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
