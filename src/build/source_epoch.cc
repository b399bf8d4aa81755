// SPDX-License-Identifier: Apache-2.0
#include "build/source_epoch.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "layer/archive.h"
#include "plan/scope.h"
#include "plan/stage_graph.h"
#include "remote/git_source.h"
#include "remote/http_file.h"
#include "sys/files.h"

namespace shale::build {

namespace {

constexpr std::string_view kName = "SOURCE_DATE_EPOCH";

Error invalid(const std::string& value, std::string_view hint) {
  return Error(ErrorKind::kUsage, fmt::format("invalid SOURCE_DATE_EPOCH: {}", value))
      .hint(std::string(hint));
}

Result<std::optional<std::int64_t>> time_of_archive(BuildState& state, const std::string& path) {
  ASSIGN_OR_RETURN(const UniqueFd file, sys::open_at(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW));
  ASSIGN_OR_RETURN(const bool archive, layer::is_archive(file.get()));
  if (!archive) return std::optional<std::int64_t>();
  ASSIGN_OR_RETURN(store::WorkDirectory directory, state.lease->new_directory());
  layer::ExtractSpec spec;
  spec.input_fd = file.get();
  spec.fs_fd = directory.fs.get();
  spec.manifest_path = fmt::format("{}/{}", state.store->root(), directory.manifest_path());
  spec.record_owners = true;
  ASSIGN_OR_RETURN([[maybe_unused]] const layer::ArchiveResult done, layer::extract_archive(spec));
  ASSIGN_OR_RETURN(const layer::LayerManifest manifest,
                   layer::LayerManifest::load(state.store->root_fd(), directory.manifest_path()));
  std::optional<std::int64_t> newest;
  for (const layer::Entry& entry : manifest.entries())
    if (!entry.path.empty()) newest = std::max(newest.value_or(entry.mtime_s), entry.mtime_s);
  RETURN_IF_ERROR(state.lease->discard(*state.store, std::move(directory)));
  return newest;
}

Result<std::optional<std::int64_t>> time_of(BuildState& state, const plan::RemoteOp& op, EventSink& events) {
  RETURN_IF_ERROR(state.open_lease());
  if (const auto* git = std::get_if<plan::GitOp>(&op)) {
    ASSIGN_OR_RETURN(const remote::GitSource source,
                     remote::GitSource::create(git->reference, state.secrets, state.ssh_socket(), events));
    ASSIGN_OR_RETURN(const remote::GitCommit commit, source.resolve());
    ASSIGN_OR_RETURN(remote::GitFiles files, source.fetch(commit, false, *state.store, *state.lease));
    RETURN_IF_ERROR(state.lease->discard(*state.store, std::move(files.directory)));
    return files.commit_time;
  }
  const auto& http = std::get<plan::HttpOp>(op);
  ASSIGN_OR_RETURN(store::WorkDirectory directory, state.lease->new_directory());
  const std::string path = fmt::format("{}/{}/download", state.store->root(), directory.wrapper);
  ASSIGN_OR_RETURN(
      const remote::HttpFile file,
      remote::fetch_file({.url = http.url, .destination = path, .events = &events}, state.secrets));
  std::optional<std::int64_t> time = file.last_modified;
  if (!time) {
    ASSIGN_OR_RETURN(time, time_of_archive(state, path));
  }
  RETURN_IF_ERROR(state.lease->discard(*state.store, std::move(directory)));
  return time;
}

// What the stage `name` adds; nullopt if there is no such stage.
Result<std::optional<plan::RemoteOp>> source_of_stage(const std::string& name,
                                                      const dockerfile::ParsedFile& file,
                                                      plan::PlanOptions options) {
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (std::none_of(file.stages.begin(), file.stages.end(),
                   [&](const dockerfile::Stage& stage) { return stage.from.stage_name == lower; }))
    return std::optional<plan::RemoteOp>();
  constexpr std::string_view kRule =
      "the stage it names has to be FROM scratch with exactly one ADD of an address";
  options.target = lower;
  ASSIGN_OR_RETURN(const std::unique_ptr<plan::Planner> planner,
                   plan::Planner::create(file, std::move(options)));
  ASSIGN_OR_RETURN(const std::vector<plan::ImageNeed> needs, planner->needs());
  if (!needs.empty()) return fail(invalid(name, kRule));
  ASSIGN_OR_RETURN(const plan::Plan plan, planner->plan());
  std::optional<plan::RemoteOp> found;
  for (const plan::Node& node : plan.nodes) {
    const auto* copy = std::get_if<plan::CopyOp>(&node.op);
    const auto* git = std::get_if<plan::GitOp>(&node.op);
    const auto* http = std::get_if<plan::HttpOp>(&node.op);
    const bool adds = copy != nullptr && copy->remotes.size() == 1 && copy->paths.empty();
    if ((!adds && git == nullptr && http == nullptr) || (found && !adds)) return fail(invalid(name, kRule));
    if (git != nullptr) found = *git;
    if (http != nullptr) found = *http;
  }
  if (!found || plan.nodes.size() != 2) return fail(invalid(name, kRule));
  return found;
}

}  // namespace

Status settle_source_date_epoch(BuildState& state, const BuildInputs& inputs, dockerfile::ParsedFile& file,
                                plan::PlanOptions& options, EventSink& events) {
  const plan::Variables platform =
      plan::platform_arguments(options.platform, options.build_platform, options.target);
  std::string value;
  for (const auto& [name, given] : options.build_args)
    if (name == kName) value = given;
  if (value.empty()) {
    ASSIGN_OR_RETURN(const plan::Variables globals,
                     plan::expand_global_arguments(file, platform, options.build_args));
    value = std::string(globals.get(kName).value_or(""));
  }
  const auto is_digit = [](unsigned char c) { return std::isdigit(c) != 0; };
  if (value.empty() || std::all_of(value.begin(), value.end(), is_digit)) return {};

  std::optional<std::int64_t> time;
  if (const auto remote = inputs.remote_contexts.find(value); remote != inputs.remote_contexts.end()) {
    ASSIGN_OR_RETURN(time, time_of(state, remote->second, events));
  } else if (value == "context") {
    time = inputs.context_time;
  } else if (!inputs.named.contains(value)) {
    ASSIGN_OR_RETURN(const std::optional<plan::RemoteOp> source, source_of_stage(value, file, options));
    if (!source) return {};  // said where numbers are read
    ASSIGN_OR_RETURN(time, time_of(state, *source, events));
    if (!time) return fail(invalid(value, "its server does not say when it was changed"));
  }
  std::erase_if(options.build_args, [](const auto& argument) { return argument.first == kName; });
  for (dockerfile::Instruction& instruction : file.global_args)
    for (dockerfile::ArgItem& item : std::get<dockerfile::Arg>(instruction.body).items)
      if (item.name == kName) item.value.reset();
  if (time) options.build_args.emplace_back(kName, std::to_string(*time));
  return {};
}

}  // namespace shale::build
