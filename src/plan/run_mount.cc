// SPDX-License-Identifier: Apache-2.0
#include "plan/run_mount.h"

#include <fmt/format.h>

#include "dockerfile/glob.h"
#include "dockerfile/mount.h"
#include "plan/paths.h"

namespace shale::plan {

namespace {

// Where the copy of a context's files lies in its own small snapshot.
constexpr const char* kMountSnapshot = "/source";

void snapshot_source(const StageWriter& writer, const dockerfile::Instruction& instruction, MountOp& mount) {
  Node node;
  node.id = static_cast<NodeId>(writer.context().plan->nodes.size());
  node.stage = static_cast<int>(&writer.stage() - writer.context().plan->stages.data());
  node.title = fmt::format("[{} internal] take {} for the mount at {}", writer.stage().shown_name,
                           mount.source_path, mount.target);
  node.span = instruction.span;
  CopyOp op;
  op.source = *mount.source;
  op.paths = {dockerfile::escaped(mount.source_path)};  // no pattern
  op.destination = kMountSnapshot;
  node.op = std::move(op);
  mount.source = FileSource{.kind = FileSource::Kind::kNode, .name = {}, .node = node.id, .files = {}};
  mount.source_path = kMountSnapshot;
  writer.context().plan->nodes.push_back(std::move(node));
}

}  // namespace

Result<MountOp> plan_mount(StageWriter& writer, const dockerfile::Instruction& instruction,
                           const dockerfile::MountText& text) {
  Result<dockerfile::Mount> mount = dockerfile::resolve_mount(
      text.text, [&](std::string_view word) { return writer.expand(instruction, word); });
  if (!mount) {
    if (mount.error().span() != nullptr) return fail(std::move(mount.error()));
    return fail(writer.at(instruction, mount.error()));
  }
  MountOp out;
  switch (mount->type) {
    case dockerfile::MountType::kBind:
      out.kind = MountOp::Kind::kBind;
      break;
    case dockerfile::MountType::kCache:
      out.kind = MountOp::Kind::kCache;
      break;
    case dockerfile::MountType::kTmpfs:
      out.kind = MountOp::Kind::kTmpfs;
      break;
    case dockerfile::MountType::kSecret:
      out.kind = MountOp::Kind::kSecret;
      break;
    case dockerfile::MountType::kSsh:
      out.kind = MountOp::Kind::kSsh;
      break;
  }
  out.read_only = mount->read_only;
  out.id = mount->id;
  out.mode = mount->mode;
  out.uid = mount->uid;
  out.gid = mount->gid;
  out.tmpfs_bytes = mount->size_bytes;
  out.required = mount->required;
  switch (mount->sharing) {
    case dockerfile::CacheSharing::kShared:
      out.sharing = MountOp::Sharing::kShared;
      break;
    case dockerfile::CacheSharing::kPrivate:
      out.sharing = MountOp::Sharing::kPrivate;
      break;
    case dockerfile::CacheSharing::kLocked:
      out.sharing = MountOp::Sharing::kLocked;
      break;
  }
  if (out.kind == MountOp::Kind::kSecret) {
    if (out.id.empty() && !mount->source.empty()) out.id = mount->source;
    if (out.id.empty() && !mount->target.empty())
      out.id = mount->target.substr(mount->target.find_last_of('/') + 1);
    if (mount->env) out.environment = *mount->env;
    if (!mount->target.empty())
      out.target = writer.absolute(mount->target);
    else if (out.environment.empty())
      out.target = "/run/secrets/" + out.id;
    return out;
  }
  if (out.kind == MountOp::Kind::kSsh && out.id.empty()) out.id = "default";
  // Without a target, what is mounted lies over WORKDIR; an agent has a place of its own.
  if (out.kind != MountOp::Kind::kSsh || !mount->target.empty()) out.target = writer.absolute(mount->target);
  if (out.target == "/") {
    Error error(ErrorKind::kDockerfile, "invalid mount target \"/\"");
    if (mount->target.empty())
      error.add_hint("give the mount a target=; without one it lies over WORKDIR, which is / here");
    return fail(writer.at(instruction, error, text.text));
  }
  // A relative target is an id as it is written, wherever WORKDIR is.
  if (out.kind == MountOp::Kind::kCache && out.id.empty()) {
    out.id = clean_path(mount->target).substr(mount->target.starts_with('/') ? 0 : 1);
    if (out.id.empty()) out.id = ".";
  }
  if (!mount->source.empty()) out.source_path = clean_path(mount->source);
  if (out.kind == MountOp::Kind::kTmpfs && out.source_path != "/")
    return fail(writer.at(
        instruction,
        Error(ErrorKind::kDockerfile, fmt::format("a tmpfs is empty and has no source '{}'", mount->source))
            .hint("leave source= out, or mount with type=bind"),
        text.text));
  if (!mount->from.empty()) {
    ASSIGN_OR_RETURN(const Target target,
                     writer.context().graph->find(mount->from, writer.stage().index, false));
    ASSIGN_OR_RETURN(out.source, writer.context().source_of(target, instruction));
  } else if (out.kind == MountOp::Kind::kBind) {
    out.source = FileSource{};
  }
  // Files of a directory of the user's are copied to a layer first: a command must neither see what
  // .dockerignore hides nor a file that changes under it, and the copy is cached by its content.
  if (out.source && out.source->kind != FileSource::Kind::kNode) snapshot_source(writer, instruction, out);
  return out;
}

}  // namespace shale::plan
