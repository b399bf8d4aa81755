// SPDX-License-Identifier: Apache-2.0
// run_build: the main flow, from a request to an image.
#include "shale/build.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>

#include "build/build_inputs.h"
#include "build/image_resolver.h"
#include "build/image_result.h"
#include "build/outputs.h"
#include "build/plan_options.h"
#include "build/remote_layer.h"
#include "build/security.h"
#include "build/solver.h"
#include "build/source_epoch.h"
#include "build/ulimits.h"
#include "dockerfile/lint.h"
#include "dockerfile/parse.h"
#include "export/inside.h"
#include "export/isolation.h"
#include "export/output_file.h"
#include "plan/planner.h"
#include "shale/images.h"
#include "store/layers.h"
#include "sys/files.h"

namespace shale {

namespace {

using namespace build;  // NOLINT(google-build-using-namespace): this file is that room's table of contents

// Asks the planner what it needs until it needs nothing: ONBUILD triggers of a base may name further images.
Result<plan::Plan> make_plan(plan::Planner& planner, ImageResolver& resolver, const std::string& text) {
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<plan::ImageNeed> needs, planner.needs());
    if (needs.empty()) return planner.plan();
    RETURN_IF_ERROR(resolver.provide(planner, needs, text));
  }
}

// Everything that the build takes from its context.
std::vector<const plan::CopyOp*> taken_from_context(const BuildState& state) {
  std::vector<const plan::CopyOp*> out;
  for (const plan::Node& node : state.plan.nodes) {
    const auto* copy = std::get_if<plan::CopyOp>(&node.op);
    if (copy != nullptr && state.state(node.id).needed && !copy->paths.empty() &&
        copy->source.kind == plan::FileSource::Kind::kContext)
      out.push_back(copy);
  }
  return out;
}

// Walks the directories that COPY lines of the plan read from.
Status scan_contexts(BuildState& state, BuildInputs& inputs, EventSink& events, StepId& next_step) {
  if (std::vector<const plan::CopyOp*> taken = taken_from_context(state); !taken.empty()) {
    const StepId step = next_step++;
    const auto started = std::chrono::steady_clock::now();
    events.on(StepStarted{.step = step, .name = "[internal] load build context"});
    const bool is_local = !inputs.context.own;
    ASSIGN_OR_RETURN(state.context, scan_context(*state.store, std::move(inputs.context)));
    if (is_local) state.context->set_taken_otherwise(std::move(taken));
    events.on(StepEnded{.step = step,
                        .end = StepEnd::kDone,
                        .elapsed = std::chrono::steady_clock::now() - started,
                        .message = {},
                        .log_path = {}});
  }
  for (auto& [name, directory] : inputs.named) {
    ASSIGN_OR_RETURN(std::unique_ptr<ContextTree> tree, scan_context(*state.store, std::move(directory)));
    tree->set_taken_otherwise({});  // each COPY from one stands for itself
    state.named_contexts[name] = std::move(tree);
  }
  return {};
}

Status save_stat_caches(BuildState& state) {
  if (state.context) RETURN_IF_ERROR(state.context->save_cache(*state.store));
  for (auto& [name, context] : state.named_contexts) RETURN_IF_ERROR(context->save_cache(*state.store));
  return {};
}

// Without a namespace nothing can be run, which is to be known before anything is pulled or copied.
Status refuse_commands(const BuildState& state) {
  if (state.isolation.isolation != Isolation::kNone) return {};
  for (const plan::Node& node : state.plan.nodes) {
    if (!std::holds_alternative<plan::RunOp>(node.op) || !state.state(node.id).needed ||
        state.state(node.id).known)
      continue;
    Error error(ErrorKind::kUnsupported, "RUN needs more than isolation none, which is what this build has");
    for (const Error& reason : state.isolation.reasons) {
      error.add_context(reason.to_line());
      for (const std::string& hint : reason.hints()) error.add_hint(hint);
    }
    return fail(state.error_at(node, std::move(error)));
  }
  return {};
}

// Gets what commands will need of us as the user, before the first of them could miss it.
Status prepare_for_commands(BuildState& state) {
  const bool any = std::any_of(state.plan.nodes.begin(), state.plan.nodes.end(), [&](const plan::Node& node) {
    return std::holds_alternative<plan::RunOp>(node.op) && state.state(node.id).needed &&
           !state.state(node.id).known;
  });
  if (!any) return {};
  state.cgroup_place = runtime::read_cgroup_place();
  return allow_limits(state.request.ulimits);
}

// Everything is known: names the image, writes the outputs, and says what came of it.
Result<BuildResult> finish(BuildState& state, const Solver& solver, EventSink& events, StepId& next_step,
                           int stop_fd) {
  BuildResult result;
  ASSIGN_OR_RETURN(const store::ImageRecord image, assemble_image(state));
  const std::vector<WantedOutput>& outputs = state.outputs.all;
  const bool keep = state.outputs.keep_image();
  store::ImageRecord kept = image;
  if (std::any_of(outputs.begin(), outputs.end(), [](const WantedOutput& output) {
        return output.keeps_image() && output.changes_image();
      })) {
    ASSIGN_OR_RETURN(kept, exporter::in_step(events, next_step++, "rewriting timestamps", stop_fd,
                                             [&](const exporter::Progress& progress) {
                                               return image_to_keep(state, image, progress);
                                             }));
  }
  std::vector<store::TagRecord> tags;
  for (const image::ImageRef& name : state.outputs.names) {
    tags.push_back({.reference = name.full(), .image = kept.id, .manifest_digest = {}});
    result.tags.push_back(name.familiar());
  }
  // put() syncs what it names; without it the layers still have to survive a power cut to be found in the
  // cache again.
  RETURN_IF_ERROR(keep ? state.store->images().put(kept, tags) : state.store->sync());
  result.image_id = kept.id;
  for (const WantedOutput& output : outputs) {
    if (!output.needs_files() || output.keeps_image()) continue;
    exporter::ProgressStep step(events, next_step++, fmt::format("exporting to {}", output.spec.destination),
                                stop_fd);
    Result<WrittenOutput> written = write_output(state, output, image, step.progress());
    if (!written) {
      step.end(StepEnd::kFailed, written.error().to_line());
      return fail(std::move(written.error()));
    }
    step.end();
    if (!keep) result.image_id = written->image_id;
    if (written->manifest) {
      result.manifest_digest = written->manifest->digest;
      if (keep && written->plain_manifest && written->image_id == kept.id)
        RETURN_IF_ERROR(state.store->images().set_manifest(kept.id, *written->manifest));
    }
  }
  result.steps_run = solver.steps_run();
  result.steps_cached = solver.steps_cached();
  events.on(summarize(state));
  return result;
}

// The agents that commands which may run can ask for.
Status start_ssh_agents(BuildState& state) {
  for (const plan::Node& node : state.plan.nodes) {
    const auto* run = std::get_if<plan::RunOp>(&node.op);
    if (run == nullptr || !state.state(node.id).needed || state.state(node.id).known) continue;
    for (const plan::MountOp& mount : run->mounts) {
      if (mount.kind != plan::MountOp::Kind::kSsh || (!mount.required && !state.ssh.has(mount.id))) continue;
      if (Result<std::string> socket = state.ssh.socket_of(mount.id, state.lease->fd()); !socket)
        return fail(state.error_at(node, std::move(socket.error())));
    }
  }
  return {};
}

// What the cache gave must not be collected by another process while this build stands on it.
Status hold_known_layers(BuildState& state) {
  std::vector<std::string> ids;
  for (const NodeState& node : state.nodes)
    for (const store::LayerRecord& layer : node.layers) ids.push_back(layer.id);
  Status held = state.lease->hold_layers(*state.store, ids);
  if (!held)
    return fail(
        std::move(held.error()).hint("another process cleaned the store at this moment: build again"));
  return held;
}

Json to_json(const BuildResult& result) {
  return {{"image", result.image_id.to_string()},
          {"tags", result.tags},
          {"manifest", result.manifest_digest ? result.manifest_digest->to_string() : ""},
          {"run", result.steps_run},
          {"cached", result.steps_cached}};
}

Result<BuildResult> from_json(const Json& json) {
  BuildResult result;
  ASSIGN_OR_RETURN(result.image_id, Digest::parse(json_string(json, "image")));
  if (const std::string manifest = json_string(json, "manifest"); !manifest.empty()) {
    ASSIGN_OR_RETURN(result.manifest_digest, Digest::parse(manifest));
  }
  if (const Json* tags = json_member(json, "tags"))
    for (const Json& tag : *tags) result.tags.push_back(tag.get<std::string>());
  result.steps_run = static_cast<int>(json_int(json, "run"));
  result.steps_cached = static_cast<int>(json_int(json, "cached"));
  return result;
}

// The part of a build that runs in its own user and mount namespace. The store was closed for the clone.
Result<Json> build_inside(exporter::Inside& inside, BuildState& state, Solver& solver,
                          ImageResolver& resolver, const std::string& root, EventSink& events,
                          StepId& next_step) {
  ASSIGN_OR_RETURN(state.store, store::Store::open(root));
  RETURN_IF_ERROR(state.lease->reopen(*state.store));
  Status solved = solver.run(inside.stop_fd(), resolver.pulls(), state.outputs.need_files());
  if (solved) state.clones.clear(*state.store);  // else nothing is synced, and the user waits
  Status cached = save_stat_caches(state);
  Result<BuildResult> result = [&]() -> Result<BuildResult> {
    RETURN_IF_ERROR(solved);
    RETURN_IF_ERROR(cached);
    return finish(state, solver, events, next_step, inside.stop_fd());
  }();
  state.forget_trees();
  state.memory.reset();
  Status left = state.lease->finish(*state.store);
  // What fell out of use goes now, a little at a time: the user waits for the image, not for this.
  constexpr auto kTidyTime = std::chrono::milliseconds(20);
  (void)state.store->empty_trash(kTidyTime);
  Status closed = state.store->close();
  events.finish();
  if (!result) return fail(std::move(result.error()));
  RETURN_IF_ERROR(left);
  RETURN_IF_ERROR(closed);
  return to_json(*result);
}

// -o type=registry: everything the image was named.
Status push_tags(const BuildRequest& request, BuildResult& result, EventSink& events) {
  for (const OutputSpec& output : request.outputs) {
    if (output.kind != OutputSpec::Kind::kRegistry) continue;
    for (const std::string& tag : result.tags) {
      ASSIGN_OR_RETURN(const TransferResult pushed,
                       push_image(request.store_root, tag, events, output.attributes));
      result.manifest_digest = pushed.digest;
    }
  }
  return {};
}

// To a file, or to whatever else the path of the option names (/dev/stdout, a pipe).
Status write_to(const char* option, const std::string& path, std::string_view text) {
  const auto write = [&]() -> Status {
    ASSIGN_OR_RETURN(exporter::OutputFile file, exporter::OutputFile::create(path));
    RETURN_IF_ERROR(file.write(text));
    return file.commit();
  };
  Status written = write();
  if (!written)
    return fail(std::move(written.error())
                    .context(fmt::format("while writing {} {}; the build itself is done", option, path)));
  return written;
}

Status write_result_files(const BuildRequest& request, const BuildResult& result) {
  if (!request.iidfile.empty())
    RETURN_IF_ERROR(write_to("--iidfile", request.iidfile, result.image_id.to_string()));
  if (!request.metadata_file.empty()) {
    Json metadata = {{"containerimage.config.digest", result.image_id.to_string()}};
    if (result.manifest_digest) metadata["containerimage.digest"] = result.manifest_digest->to_string();
    if (!result.tags.empty()) metadata["image.name"] = fmt::format("{}", fmt::join(result.tags, ","));
    RETURN_IF_ERROR(write_to("--metadata-file", request.metadata_file, dump_json_pretty(metadata) + "\n"));
  }
  return {};
}

Result<BuildResult> build_image(const BuildRequest& request, EventSink& events) {
  BuildState state;
  state.request = request;
  StepId next_step = 1;

  // Inputs: nothing has been started, pulled or written while one of these can still be wrong, unless the
  // context itself has to be fetched.
  ASSIGN_OR_RETURN(BuildInputs inputs, read_inputs(state, events, next_step));
  ASSIGN_OR_RETURN(state.outputs, WantedOutputs::read(request));
  ASSIGN_OR_RETURN(state.seccomp, chosen_profile(request.security));
  ASSIGN_OR_RETURN(dockerfile::ParsedFile file,
                   dockerfile::parse_dockerfile(inputs.dockerfile.text, inputs.dockerfile.name));
  ASSIGN_OR_RETURN(plan::PlanOptions options, plan_options(request, inputs));
  RETURN_IF_ERROR(settle_source_date_epoch(state, inputs, file, options, events));
  ASSIGN_OR_RETURN(const std::unique_ptr<plan::Planner> planner,
                   plan::Planner::create(std::move(file), std::move(options)));

  // The store, and the ids that layer directories made here will have.
  state.dockerfile_name = inputs.dockerfile.name;
  state.dockerfile_text = inputs.dockerfile.text;
  RETURN_IF_ERROR(state.open_store());
  ASSIGN_OR_RETURN(state.isolation, exporter::choose_isolation(request.isolation, state.store->root()));
  state.encoding = exporter::encoding_of(state.isolation.maps);

  // The plan. From here on the graph does not change.
  ImageResolver resolver(*state.store, request.pull, events, next_step);
  ASSIGN_OR_RETURN(plan::Plan plan, make_plan(*planner, resolver, state.dockerfile_text));
  for (const plan::Node& node : plan.nodes)
    if (const auto* op = std::get_if<plan::ImageOp>(&node.op))
      state.images.insert_or_assign(node.id, resolver.images().at({op->reference, op->platform}));
  RETURN_IF_ERROR(source_date_epoch(plan));
  // Now, not at the end: a step that fails is often what one of them is about.
  for (const Warning& warning : plan.warnings) events.on(warning);
  if (plan.lint_error) return fail(std::move(*plan.lint_error));
  state.begin(std::move(plan));
  RETURN_IF_ERROR(scan_contexts(state, inputs, events, next_step));
  RETURN_IF_ERROR(resolve_repositories(state, events, next_step));

  // The cache. A build that finds everything ends here: no namespace, no helper, no thread was needed.
  Solver solver(state, events, next_step);
  RETURN_IF_ERROR(solver.look_up());
  const bool pulling = std::any_of(state.images.begin(), state.images.end(), [&](const auto& image) {
    return image.second.pull >= 0 || (!image.second.layout.empty() && state.state(image.first).needed &&
                                      !state.state(image.first).materialized);
  });
  if (solver.complete() && !pulling && !state.outputs.need_files()) {
    RETURN_IF_ERROR(save_stat_caches(state));
    Result<BuildResult> result = finish(state, solver, events, next_step, -1);
    if (state.lease) RETURN_IF_ERROR(state.lease->finish(*state.store));
    RETURN_IF_ERROR(state.store->close());
    return result;
  }

  RETURN_IF_ERROR(refuse_commands(state));
  RETURN_IF_ERROR(prepare_for_commands(state));

  // The rest, inside.
  RETURN_IF_ERROR(fetch_repositories(state, events, next_step));
  RETURN_IF_ERROR(take_layout_layers(state));
  RETURN_IF_ERROR(state.open_lease());
  RETURN_IF_ERROR(start_ssh_agents(state));
  RETURN_IF_ERROR(hold_known_layers(state));
  state.forget_trees();
  RETURN_IF_ERROR(state.store->close());
  state.store.reset();
  ASSIGN_OR_RETURN(const Json json, exporter::run_inside(state.isolation, {}, [&](exporter::Inside& inside) {
                     return build_inside(inside, state, solver, resolver, state.store_root, events,
                                         next_step);
                   }));
  return from_json(json);
}

}  // namespace

Result<BuildResult> run_build(const BuildRequest& request, EventSink& events) {
  Result<BuildResult> result = build_image(request, events);
  if (result) {
    if (Status pushed = push_tags(request, *result, events); !pushed)
      result = fail(std::move(pushed.error()));
  }
  events.finish();
  if (!result) return result;
  RETURN_IF_ERROR(write_result_files(request, *result));
  return result;
}

}  // namespace shale
