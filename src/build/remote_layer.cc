// SPDX-License-Identifier: Apache-2.0
#include "build/remote_layer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <chrono>

#include "build/layer_maker.h"
#include "layer/archive.h"
#include "remote/git_source.h"
#include "remote/http_file.h"
#include "sys/files.h"

namespace shale::build {

namespace {

using Clock = std::chrono::steady_clock;

void show_end(EventSink& events, StepId step, Clock::time_point started, const Status& done) {
  events.on(StepEnded{.step = step,
                      .end = done ? StepEnd::kDone : StepEnd::kFailed,
                      .elapsed = Clock::now() - started,
                      .message = done ? std::string() : done.error().to_line(),
                      .log_path = {}});
}

// An archive's content in a directory of its own, instead of the archive.
Result<std::optional<store::WorkDirectory>> unpacked(BuildState& state, int file, const std::string& what) {
  ASSIGN_OR_RETURN(const bool archive, layer::is_archive(file));
  if (!archive) return std::optional<store::WorkDirectory>();
  ASSIGN_OR_RETURN(store::WorkDirectory directory, state.lease->new_directory());
  layer::ExtractSpec spec;
  spec.input_fd = file;
  spec.fs_fd = directory.fs.get();
  spec.manifest_path = fmt::format("{}/{}", state.store->root(), directory.manifest_path());
  spec.owners = state.owners();
  if (Result<layer::ArchiveResult> done = layer::extract_archive(spec); !done)
    return fail(std::move(done.error()).context(fmt::format("while unpacking {}", what)));
  return std::optional(std::move(directory));
}

// What the directory of an unpacked archive may not say.
Result<layer::OwnersBeside> owners_of_archive(const BuildState& state, const store::WorkDirectory& content) {
  layer::OwnersBeside owners;
  if (state.owners() != layer::OwnerEncoding::kAttributes) return owners;
  ASSIGN_OR_RETURN(const layer::LayerManifest manifest,
                   layer::LayerManifest::load(state.store->root_fd(), content.manifest_path()));
  const bool attributes = layer::has_owner_attributes(content.fs.get());
  for (const layer::Entry& entry : manifest.entries())
    if (!attributes || (!entry.is_file() && !entry.is_directory()))
      owners[entry.path] = {.uid = entry.uid, .gid = entry.gid};
  return owners;
}

}  // namespace

Status resolve_repositories(BuildState& state, EventSink& events, StepId& next_step) {
  for (const plan::Node& node : state.plan.nodes) {
    const auto* op = std::get_if<plan::GitOp>(&node.op);
    if (op == nullptr || !state.state(node.id).needed || state.repositories.contains(node.id)) continue;
    const StepId step = next_step++;
    const Clock::time_point started = Clock::now();
    if (!op->reference.names_commit())
      events.on(
          StepStarted{.step = step, .name = fmt::format("[internal] find the commit of {}", node.title)});
    Result<remote::GitCommit> commit = [&]() -> Result<remote::GitCommit> {
      ASSIGN_OR_RETURN(const remote::GitSource source,
                       remote::GitSource::create(op->reference, state.secrets, state.ssh_socket(), events));
      return source.resolve();
    }();
    const Status done = commit ? Status{} : fail(state.error_at(node, Error(commit.error())));
    if (!op->reference.names_commit()) show_end(events, step, started, done);
    RETURN_IF_ERROR(done);
    state.repositories[node.id] = {.commit = commit->id, .full_name = commit->full_name, .files = {}};
  }
  return {};
}

Status fetch_repositories(BuildState& state, EventSink& events, StepId& next_step) {
  for (const plan::Node& node : state.plan.nodes) {
    const auto* op = std::get_if<plan::GitOp>(&node.op);
    if (op == nullptr || !state.state(node.id).needed || state.state(node.id).known) continue;
    RepositoryState& repository = state.repositories.at(node.id);
    if (repository.files) continue;
    RETURN_IF_ERROR(state.open_lease());
    const StepId step = next_step++;
    const Clock::time_point started = Clock::now();
    events.on(StepStarted{.step = step, .name = fmt::format("[internal] fetch {}", node.title)});
    Result<remote::GitFiles> files = [&]() -> Result<remote::GitFiles> {
      ASSIGN_OR_RETURN(const remote::GitSource source,
                       remote::GitSource::create(op->reference, state.secrets, state.ssh_socket(), events));
      return source.fetch({.id = repository.commit, .tag_id = {}, .full_name = repository.full_name},
                          op->keep_git_dir, *state.store, *state.lease);
    }();
    const Status done = files ? Status{} : fail(state.error_at(node, Error(files.error())));
    show_end(events, step, started, done);
    RETURN_IF_ERROR(done);
    repository.files = std::move(files->directory);
  }
  return {};
}

Result<store::LayerRecord> make_repository_layer(BuildState& state, plan::NodeId id) {
  std::optional<store::WorkDirectory>& files = state.repositories.at(id).files;
  if (!files) return fail(ErrorKind::kInternal, "a repository was not fetched before its layer is made");
  return publish_upper(*state.store, *state.lease, state.encoding, std::move(*files), {});
}

Result<store::LayerRecord> make_http_layer(BuildState& state, const HttpInputs& inputs, std::string& etag) {
  const plan::HttpOp& op = *inputs.op;
  ASSIGN_OR_RETURN(store::WorkDirectory directory, state.lease->new_directory());
  const std::string path = fmt::format("{}/{}/{}", state.store->root(), directory.fs_path(), op.file_name);
  remote::HttpFileRequest request{.url = op.url, .destination = path, .etag = inputs.etag};
  if (!op.checksum.empty()) {
    ASSIGN_OR_RETURN(request.checksum, Digest::parse(op.checksum));
  }
  ASSIGN_OR_RETURN(const remote::HttpFile file, remote::fetch_file(request, state.secrets));
  etag = file.unchanged ? inputs.etag : file.etag;
  if (file.unchanged) {
    RETURN_IF_ERROR(state.lease->discard(*state.store, std::move(directory)));
    return *inputs.earlier;
  }
  ASSIGN_OR_RETURN(const UniqueFd fd, sys::open_at(directory.fs.get(), op.file_name, O_RDONLY | O_NOFOLLOW));
  if (op.unpack) {
    ASSIGN_OR_RETURN(std::optional<store::WorkDirectory> content,
                     unpacked(state, fd.get(), plan::without_login(op.url)));
    if (content) {
      RETURN_IF_ERROR(state.lease->discard(*state.store, std::move(directory)));
      ASSIGN_OR_RETURN(layer::OwnersBeside owners, owners_of_archive(state, *content));
      return publish_upper(*state.store, *state.lease, state.encoding, std::move(*content), {},
                           std::move(owners));
    }
  }
  // As BuildKit has it: for the owner only, and as old as the server says, or as old as can be.
  const struct timespec times[2] = {{.tv_sec = file.last_modified.value_or(0), .tv_nsec = 0},
                                    {.tv_sec = file.last_modified.value_or(0), .tv_nsec = 0}};
  if (::fchmod(fd.get(), 0600) != 0 || ::futimens(fd.get(), times) != 0)
    return fail_errno(errno, fmt::format("set mode and time of what {} gave", plan::without_login(op.url)));
  return publish_upper(*state.store, *state.lease, state.encoding, std::move(directory), {});
}

}  // namespace shale::build
