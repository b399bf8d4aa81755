// SPDX-License-Identifier: Apache-2.0
// What a RUN step does in another way, or refuses to do, where nothing can be mounted.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include "build/run_step.h"
#include "build/tree_writer.h"
#include "layer/owner_encoding.h"
#include "sys/files.h"

namespace shale::build {

// An error is better than a command that runs with less than it was promised.
Status RunStep::refuse_what_chroot_lacks() const {
  if (state_.isolation.isolation != Isolation::kChroot) return {};
  if (op_.network == NetworkMode::kNone)
    return fail(Error(ErrorKind::kUnsupported, "--network=none cannot be had with isolation chroot")
                    .hint("shale doctor says what a better isolation needs here"));
  if (state_.request.shm_bytes != 0)
    return fail(
        Error(ErrorKind::kUnsupported,
              "--shm-size cannot be had with isolation chroot, where /dev/shm is a directory of the store")
            .hint("leave it away, or see what shale doctor says a better isolation needs here"));
  for (const plan::MountOp& mount : op_.mounts)
    if (mount.kind == plan::MountOp::Kind::kTmpfs && mount.tmpfs_bytes != 0)
      return fail(Error(ErrorKind::kUnsupported,
                        fmt::format("the size of the tmpfs on '{}' cannot be limited with isolation chroot",
                                    mount.target))
                      .hint("leave size= away, or see what shale doctor says a better isolation needs here"));
  return {};
}

// Where nothing can be mounted together, a bind is a copy of what it names, and nobody keeps what is written
// to it. The copy is made later, on a worker; here is its place among the mounts.
Status RunStep::prepare_copied_bind(const plan::MountOp& mount) {
  ASSIGN_OR_RETURN(SourceTree * source, state_.tree(*mount.source));
  copied_binds_.push_back({.mount = &mount, .source = source, .index = spec_.mounts.size()});
  runtime::SandboxMount bind;
  bind.target = mount.target;
  bind.read_only = mount.read_only;
  spec_.mounts.push_back(std::move(bind));
  return {};
}

Status RunStep::make_copied_bind(const CopiedBind& bind) {
  const plan::MountOp& mount = *bind.mount;
  SourceTree& tree = *bind.source;
  ASSIGN_OR_RETURN(const layer::ResolvedPath found, tree.view().resolve(mount.source_path, true));
  if (!found.exists())
    return fail(ErrorKind::kDockerfile,
                fmt::format("\"{}\": not found in the source of the mount", mount.source_path));
  ASSIGN_OR_RETURN(store::WorkDirectory scratch, state_.lease->new_directory());
  const layer::SnapshotView nothing;
  CopyPlan copies(nothing, std::nullopt, std::nullopt);
  const plan::CopyOp op{.paths = {"/" + found.path}, .destination = "/"};
  ASSIGN_OR_RETURN(const std::vector<Selected> selected, select(op, tree));
  RETURN_IF_ERROR(copies.add(op, tree, selected));
  // A command that is only in a chroot could write to what read-only files are linked to.
  const bool guarded = mount.read_only && state_.isolation.namespaces() != runtime::BuildNamespaces::kNone;
  RETURN_IF_ERROR(write_tree(copies, scratch.fs.get(), state_.owners(),
                             guarded ? LinkPolicy::kWherePossible : LinkPolicy::kNever));
  const bool is_directory = !found.entry || found.entry->entry->is_directory();
  if (is_directory && found.entry) {
    const layer::Entry& entry = *found.entry->entry;
    RETURN_IF_ERROR(layer::give_to_owner(state_.owners(), scratch.fs.get(), entry));
    if (::fchmod(scratch.fs.get(), entry.mode) != 0)
      return fail_errno(errno, fmt::format("make a copy of '{}' to mount", mount.source_path));
  }
  // By the store's name, see ClonePool::take().
  ASSIGN_OR_RETURN(UniqueFd source, sys::open_beneath(state_.store->root_fd(),
                                                      is_directory ? scratch.fs_path()
                                                                   : fmt::format("{}/{}", scratch.fs_path(),
                                                                                 found.entry->entry->name()),
                                                      O_PATH | O_NOFOLLOW));
  spec_.mounts[bind.index].fd = source.get();
  fds_.push_back(std::move(source));
  scratch_.push_back(std::move(scratch));
  return {};
}

}  // namespace shale::build
