// SPDX-License-Identifier: Apache-2.0
#include "build/layer_maker.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <set>

#include "build/copy_plan.h"
#include "build/image_users.h"
#include "build/run_files.h"
#include "build/tree_writer.h"
#include "layer/archive.h"
#include "layer/diff.h"
#include "sys/files.h"

namespace shale::build {

namespace {

ImageFileReader reader_of(store::Store& store, const LayerStack& stack, const layer::SnapshotView& view) {
  return
      [&store, &stack, &view](const std::string& path) { return read_layer_file(store, stack, view, path); };
}

// An archive among the sources of ADD, unpacked to a directory of its own.
struct Unpacked {
  store::WorkDirectory directory;
  std::unique_ptr<SourceTree> tree;
  std::set<std::string> implied;  // directories of the tree that the archive does not mention
};

Result<std::optional<Unpacked>> unpack_if_archive(BuildState& state, SourceTree& source, const Selected& pick,
                                                  std::vector<std::string>& warnings) {
  const std::optional<layer::ViewEntry> file = source.view().find(pick.path);
  if (!file || !file->entry->is_file()) return std::optional<Unpacked>();
  ASSIGN_OR_RETURN(const UniqueFd fd, source.open_file(*file));
  ASSIGN_OR_RETURN(const bool archive, layer::is_archive(fd.get()));
  if (!archive) return std::optional<Unpacked>();

  Unpacked out;
  ASSIGN_OR_RETURN(out.directory, state.lease->new_directory());
  layer::ExtractSpec spec;
  spec.input_fd = fd.get();
  spec.fs_fd = out.directory.fs.get();
  spec.owners = state.owners();
  spec.any_end = true;
  spec.manifest_path = state.store->root() + "/" + out.directory.manifest_path();
  Result<layer::ArchiveResult> done = layer::extract_archive(spec);
  if (!done) return fail(std::move(done.error()).context(fmt::format("while unpacking '{}'", pick.name)));
  for (const std::string& warning : done->warnings)
    warnings.push_back(fmt::format("{}: {}", pick.name, warning));
  ASSIGN_OR_RETURN(layer::LayerManifest manifest,
                   layer::LayerManifest::load(state.store->root_fd(), out.directory.manifest_path()));
  for (const std::size_t index : done->implied)
    if (index < manifest.entries().size()) out.implied.insert(manifest.entries()[index].path);
  ASSIGN_OR_RETURN(UniqueFd root, sys::open_at(out.directory.fs.get(), ".", O_RDONLY | O_DIRECTORY));
  out.tree = make_directory_tree(std::make_shared<const layer::LayerManifest>(std::move(manifest)),
                                 std::move(root), pick.name);
  return std::optional(std::move(out));
}

}  // namespace

namespace {

layer::OwnersBeside owners_of(const BuildState& state, const CopyPlan& plan, int directory,
                              const layer::SnapshotView& below) {
  layer::OwnersBeside owners;
  if (state.owners() != layer::OwnerEncoding::kAttributes) return owners;
  const bool attributes = layer::has_owner_attributes(directory);
  if (const auto root = below.find("")) owners[""] = {.uid = root->entry->uid, .gid = root->entry->gid};
  for (const auto& [path, planned] : plan.entries())
    if (!attributes || (!planned.entry.is_file() && !planned.entry.is_directory()))
      owners[path] = {.uid = planned.entry.uid, .gid = planned.entry.gid};
  return owners;
}

// Makes what was planned, on top of `below`, and publishes it. `stack` is what it will lie on, which for
// --link is not what it was planned for.
Result<store::LayerRecord> publish_plan(BuildState& state, const CopyPlan& plan,
                                        const layer::SnapshotView& below, const layer::SnapshotView& stack) {
  ASSIGN_OR_RETURN(store::WorkDirectory directory, state.lease->new_directory());
  RETURN_IF_ERROR(copy_root_metadata(below, state.owners(), directory.fs.get()));
  RETURN_IF_ERROR(write_tree(plan, directory.fs.get(), state.owners(), LinkPolicy::kWherePossible, &stack));
  layer::OwnersBeside owners = owners_of(state, plan, directory.fs.get(), below);
  return publish_upper(*state.store, *state.lease, state.encoding, std::move(directory), below,
                       std::move(owners));
}

}  // namespace

Result<store::LayerRecord> publish_upper(store::Store& store, store::BuildLease& lease,
                                         const std::string& encoding, store::WorkDirectory directory,
                                         const layer::SnapshotView& below, layer::OwnersBeside owners,
                                         Digest* diff_id) {
  layer::DiffOptions options;
  options.owners = layer::owner_encoding_of(encoding);
  options.owners_beside = std::move(owners);
  ASSIGN_OR_RETURN(layer::DiffResult diff, layer::describe_upper(directory.fs.get(), below, options));
  if (diff_id != nullptr) *diff_id = diff.diff_id;
  store::NewLayer made;
  made.diff_id = diff.diff_id;
  made.tar_bytes = diff.tar_bytes;
  made.encoding = encoding;
  made.manifest = std::make_shared<const layer::LayerManifest>(std::move(diff.manifest));
  return store.layers().publish(lease, std::move(directory), made);
}

Result<store::LayerRecord> make_copy_layer(BuildState& state, const CopyInputs& inputs) {
  const plan::CopyOp& op = *inputs.op;
  ASSIGN_OR_RETURN(const layer::SnapshotView stack, view_of(*state.store, inputs.below));
  const layer::SnapshotView below = op.link ? layer::SnapshotView() : stack;
  std::optional<Owner> chown;
  if (op.chown) {
    ASSIGN_OR_RETURN(chown, resolve_owner(*op.chown, reader_of(*state.store, inputs.below, below)));
  }
  std::optional<dockerfile::Chmod> chmod;
  if (op.chmod) {
    ASSIGN_OR_RETURN(chmod, dockerfile::Chmod::parse(*op.chmod));
  }
  CopyPlan plan(below, chown, std::move(chmod));
  std::vector<Unpacked> unpacked;  // alive until the files are linked or copied
  // An archive is unpacked where `unpack` says so, anything else copied.
  const auto add = [&](SourceTree& tree, const Selected& pick, bool unpack) -> Status {
    std::optional<Unpacked> archive;
    if (unpack) {
      ASSIGN_OR_RETURN(archive, unpack_if_archive(state, tree, pick, *inputs.warnings));
    }
    if (!archive) return plan.add(op, tree, {pick});
    if (op.chmod)
      inputs.warnings->push_back(
          fmt::format("{}: --chmod changes nothing that comes out of an archive", pick.name));
    RETURN_IF_ERROR(plan.add_unpacked(op.destination, *archive->tree, archive->implied));
    unpacked.push_back(std::move(*archive));
    return {};
  };
  // In the order of the line: of two sources with one name, the last one counts.
  std::size_t next_remote = 0;
  const auto add_remotes_before = [&](std::size_t word) -> Status {
    for (; next_remote < op.remotes.size() && op.remotes[next_remote].before <= word; ++next_remote) {
      const std::string& name = op.remotes[next_remote].file_name;
      RETURN_IF_ERROR(add(*inputs.remotes[next_remote],
                          {.path = name, .name = name, .word = 0, .parents_pattern = {}},
                          !name.empty() && op.unpack.value_or(false)));
    }
    return {};
  };
  const bool unpack_local =
      op.is_add && op.source.kind == plan::FileSource::Kind::kContext && op.unpack.value_or(true);
  std::vector<Selected> selected;
  if (!op.paths.empty()) {
    ASSIGN_OR_RETURN(selected, select(op, *inputs.source));
  }
  for (const Selected& pick : selected) {
    RETURN_IF_ERROR(add_remotes_before(pick.word));
    RETURN_IF_ERROR(add(*inputs.source, pick, unpack_local));
  }
  RETURN_IF_ERROR(add_remotes_before(op.paths.size()));
  std::unique_ptr<SourceTree> heredocs;
  if (!op.source.files.empty()) heredocs = make_inline_tree(op.source.files);
  if (heredocs) {
    for (const auto& [name, content] : op.source.files)
      RETURN_IF_ERROR(
          plan.add(op, *heredocs, {{.path = name, .name = name, .word = 0, .parents_pattern = {}}}));
  }
  Result<store::LayerRecord> record = publish_plan(state, plan, below, stack);
  for (Unpacked& one : unpacked) {
    one.tree.reset();
    RETURN_IF_ERROR(state.lease->discard(*state.store, std::move(one.directory)));
  }
  return record;
}

Result<store::LayerRecord> make_directory_layer(BuildState& state, const plan::MakeDirOp& op,
                                                const LayerStack& below) {
  ASSIGN_OR_RETURN(const layer::SnapshotView view, view_of(*state.store, below));
  Owner owner;
  if (!op.user.empty()) {
    ASSIGN_OR_RETURN(owner,
                     resolve_owner(op.user, reader_of(*state.store, below, view), UnknownOwner::kPassedOver));
  }
  CopyPlan plan(view, std::nullopt, std::nullopt);
  RETURN_IF_ERROR(plan.add_directory(op.path, owner));
  return publish_plan(state, plan, view, view);
}

}  // namespace shale::build
