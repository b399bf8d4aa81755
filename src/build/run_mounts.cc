// SPDX-License-Identifier: Apache-2.0
// RunStep's mounts: what each --mount of a RUN is in its sandbox. run_without_mounts.cc has what copies take
// the place of.
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "build/run_files.h"
#include "build/run_step.h"
#include "build/tree_writer.h"
#include "dockerfile/glob.h"
#include "store/snapshot.h"
#include "sys/files.h"
#include "sys/overlay.h"

namespace shale::build {

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
      tmpfs.read_only = mount.read_only;
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
    ASSIGN_OR_RETURN(root, store::mount_read_only(*state_.store, lowers, state_.lease->new_mount_path()));
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
  UniqueFd part = std::move(root);
  if (mount.source_path.find_first_not_of('/') != std::string::npos) {
    ASSIGN_OR_RETURN(const UniqueFd inside, open_inside(part.get(), mount.source_path));
    ASSIGN_OR_RETURN(part, sys::clone_part(part.get(), inside.get(), state_.store->root_fd(),
                                           state_.lease->new_mount_path()));
  }
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
  request.owners = state_.owners();
  const bool whole = mount.source_path.find_first_not_of('/') == std::string::npos;
  const bool has_source = mount.source && mount.source->kind == plan::FileSource::Kind::kNode;
  // As BuildKit has it: who asks for another owner or mode, or for another beginning, gets another directory.
  // An owner and a mode are those of an empty directory; a part of something has its own.
  if (has_source)
    request.variant = fmt::format("from {} {}", state_.chain(mount.source->node).hex(), mount.source_path);
  const bool owned = whole && (mount.uid || mount.gid || mount.mode);
  if (owned) {
    request.uid = mount.uid.value_or(0);
    request.gid = mount.gid.value_or(0);
    request.mode = mount.mode.value_or(0755);
    request.variant += fmt::format(" of {}:{} mode {:o}", request.uid, request.gid, request.mode);
  }
  if (has_source && !owned) {
    request.populate = [this, &mount](int fs_fd) -> Status {
      ASSIGN_OR_RETURN(SourceTree * tree, state_.tree(*mount.source));
      const layer::SnapshotView nothing;
      CopyPlan plan(nothing, std::nullopt, std::nullopt);
      plan::CopyOp op;
      op.paths = {dockerfile::escaped(mount.source_path)};
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
  if (!has_source && !whole) {
    ASSIGN_OR_RETURN(UniqueFd part, open_inside(cache.fd(), mount.source_path));
    bind.fd = part.get();
    fds_.push_back(std::move(part));
  }
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

}  // namespace shale::build
