// SPDX-License-Identifier: Apache-2.0
// The part of the solver that deals with commands: a RUN from its start to its layer.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "build/solver.h"
#include "export/isolation.h"
#include "store/cache.h"
#include "store/layers.h"

namespace shale::build {

void Solver::show_isolation(plan::NodeId id) {
  if (isolation_shown_) return;
  isolation_shown_ = true;
  events_.on(StepNote{
      .step = state_.state(id).step, .text = exporter::describe_isolation(state_.isolation), .detail = true});
  if (state_.isolation.isolation == Isolation::kChroot)
    events_.on(
        Warning{.text = "isolation chroot keeps the commands of RUN apart from nothing in this container"});
}

// Why the step is not taken from the cache, as far as there is something to compare with.
Status Solver::explain_run(plan::NodeId id, const StepKey& key) {
  ASSIGN_OR_RETURN(const std::vector<store::CacheRecord> earlier,
                   state_.store->cache().records_with_definition(key.definition, 1));
  std::string why = state_.state(id).foreign_reason;
  if (why.empty()) why = explain_miss(key, earlier);
  if (!why.empty()) events_.on(StepNote{.step = state_.state(id).step, .text = "runs again because " + why});
  return {};
}

Status Solver::start_command(plan::NodeId id, StepKey key, std::optional<Snapshotter> snapshotter) {
  const plan::Node& node = state_.node(id);
  if (!environment_) {
    Result<RunEnvironment> environment = RunEnvironment::create(state_);
    if (!environment) return fail(state_.error_at(node, std::move(environment.error())));
    environment_.emplace(std::move(*environment));
    for (const Error& problem : environment_->cgroups.problems())
      events_.on(
          Warning{.text = fmt::format("{} ({})", problem.to_line(), fmt::join(problem.hints(), "; "))});
  }
  if (!snapshotter) {
    ASSIGN_OR_RETURN(snapshotter, state_.choose_snapshotter());
  }
  auto step = std::make_unique<RunStep>(state_, node, state_.stack(node.parent), *snapshotter);
  Status prepared = step->prepare();
  if (!prepared && prepared.error().kind() == ErrorKind::kBusy) {
    blocked_ = true;  // a cache mount is in use; asked again after the next event or tick
    return {};
  }
  state_.state(id).started = true;
  show_start(id);
  show_isolation(id);
  if (!node.no_cache) RETURN_IF_ERROR(explain_run(id, key));
  if (prepared && step->copies()) {
    // The loop does not wait for copies.
    std::shared_ptr<RunStep> shared = std::move(step);
    const auto made = std::make_shared<Status>();
    ++submitted_;
    ++making_roots_;
    loop_->submit([shared, made] { *made = shared->make_root(); },
                  [this, id, shared, made, key = std::move(key)]() mutable {
                    --submitted_;
                    --making_roots_;
                    launch(id, std::move(shared), std::move(key), std::move(*made));
                  });
    return {};
  }
  if (prepared) prepared = step->make_root();
  launch(id, std::move(step), std::move(key), std::move(prepared));
  return {};
}

// Starts the command in its root directory, unless making it has failed or the build has meanwhile.
void Solver::launch(plan::NodeId id, std::shared_ptr<RunStep> step, StepKey key, Status prepared) {
  if (error_) {
    step->discard();
    return show_end(id, StepEnd::kCancelled);
  }
  if (prepared) prepared = step->start(*environment_);
  if (!prepared) {
    step->discard();
    return fail_step(id, std::move(prepared.error()));
  }
  commands_.push_back({.node = id, .step = std::move(step), .key = std::move(key), .ended = false});
  RunningCommand& command = commands_.back();
  for (const int stream : {0, 1})
    loop_->watch(command.step->output_fd(stream),
                 [this, &command, stream] { read_command(command, stream); });
  loop_->watch(command.step->pidfd(), [this, &command] {
    loop_->unwatch(command.step->pidfd());
    command.ended = true;
    if (command.step->output_ended()) end_command(command);
  });
}

void Solver::read_command(RunningCommand& command, int stream) {
  const int fd = command.step->output_fd(stream);
  const std::string bytes = command.step->read_output(stream);
  if (!bytes.empty())
    events_.on(StepOutput{.step = state_.state(command.node).step, .stream = stream + 1, .bytes = bytes});
  if (command.step->output_fd(stream) >= 0) return;
  loop_->unwatch(fd);
  if (command.ended && command.step->output_ended()) end_command(command);
}

void Solver::end_command(RunningCommand& command) {
  const plan::NodeId id = command.node;
  Status finished = command.step->finish();
  const std::string log = command.step->log_path();
  const std::shared_ptr<RunStep> step = std::move(command.step);
  StepKey key = std::move(command.key);
  commands_.remove_if([id](const RunningCommand& one) { return one.node == id; });
  if (!finished || error_) {
    step->discard();
    if (!finished && !error_ && step->lacked_memory())
      run_on_disk(id, std::move(key));
    else if (!finished && !error_)
      fail_step(id, std::move(finished.error()), log);
    else if (error_)
      show_end(id, StepEnd::kCancelled);
    return;
  }
  ++steps_run_;
  if (!step->remark().empty()) events_.on(StepNote{.step = state_.state(id).step, .text = step->remark()});
  const auto publish = [step] {
    Result<store::LayerRecord> layer = step->publish();
    step->discard();
    return layer;
  };
  if (step->wrote_nothing())
    finish_step(id, key, publish());
  else
    submit_layer(id, std::move(key), publish);
}

void Solver::run_on_disk(plan::NodeId id, StepKey key) {
  events_.on(StepNote{.step = state_.state(id).step,
                      .text = "runs once more, on a copy of its layers: what it writes may not have fitted "
                              "into memory"});
  state_.state(id).started = false;  // a cache mount may be in use by now: then it is picked up again
  if (Status started = start_command(id, std::move(key), Snapshotter::kClone); !started)
    fail_step(id, std::move(started.error()));
}

}  // namespace shale::build
