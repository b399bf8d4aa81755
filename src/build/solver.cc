// SPDX-License-Identifier: Apache-2.0
#include "build/solver.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <thread>

#include "build/layer_maker.h"
#include "build/remote_layer.h"
#include "store/cache.h"
#include "store/layers.h"

namespace shale::build {

namespace {

// The part of a download's record that holds the server's word for this version of the file.
constexpr const char* kEtag = "etag";

// What it gives is known once it was asked; steps after it are found again by the content it gave.
bool is_unpinned_url(const plan::Node& node) {
  const auto* http = std::get_if<plan::HttpOp>(&node.op);
  return http != nullptr && http->checksum.empty();
}

}  // namespace

bool Solver::inputs_known(const plan::Node& node) const {
  const auto known = [&](plan::NodeId id) { return id == plan::kNoNode || state_.state(id).known; };
  return known(node.parent) && std::all_of(node.inputs.begin(), node.inputs.end(), known);
}

bool Solver::inputs_materialized(const plan::Node& node) const {
  return state_.materialized(node.parent) &&
         std::all_of(node.inputs.begin(), node.inputs.end(),
                     [&](plan::NodeId id) { return state_.materialized(id); });
}

bool Solver::complete() const {
  return std::all_of(state_.nodes.begin(), state_.nodes.end(),
                     [](const NodeState& node) { return !node.needed || node.known; });
}

void Solver::show_start(plan::NodeId id) {
  NodeState& state = state_.state(id);
  if (state.step != 0) return;
  state.step = next_step_++;
  begun_[id] = Clock::now();
  events_.on(StepStarted{.step = state.step, .name = state_.node(id).title});
}

void Solver::show_end(plan::NodeId id, StepEnd end, const std::string& message, const std::string& log) {
  NodeState& state = state_.state(id);
  state.elapsed = Clock::now() - begun_[id];
  events_.on(StepEnded{
      .step = state.step, .end = end, .elapsed = state.elapsed, .message = message, .log_path = log});
}

Result<bool> Solver::try_cache(plan::NodeId id) {
  const plan::Node& node = state_.node(id);
  NodeState& state = state_.state(id);
  if (std::holds_alternative<plan::ImageOp>(node.op)) {
    const BaseImage& image = state_.images.at(id);
    state.diff_ids = image.config.diff_ids;
    state.chain = chain_of_image(state.diff_ids);
    state.known = true;
    ASSIGN_OR_RETURN(std::vector<std::optional<store::LayerRecord>> stack,
                     state_.store->layers().find_stack(state.diff_ids, state_.encoding));
    state.materialized =
        image.pull < 0 &&
        std::all_of(stack.begin(), stack.end(), [](const auto& layer) { return layer.has_value(); });
    if (state.materialized) {
      std::vector<std::string> ids;
      for (std::optional<store::LayerRecord>& layer : stack) {
        ids.push_back(layer->id);
        state.layers.push_back(std::move(*layer));
      }
      if (state_.lease) RETURN_IF_ERROR(state_.lease->hold_layers(*state_.store, ids));
      state.cached = true;
      show_start(id);
      show_end(id, StepEnd::kCached);
    }
    return true;
  }
  if (node.no_cache || is_unpinned_url(node)) return false;
  ASSIGN_OR_RETURN(const std::optional<StepKey> key, key_of(state_, node));
  ASSIGN_OR_RETURN(std::optional<store::CacheRecord> record,
                   state_.store->cache().lookup(key->key, state_.encoding));
  if (!record) {
    ASSIGN_OR_RETURN(record, foreign_record(id, key->key));
  }
  if (!record || record->layers.size() != 1) return false;
  ASSIGN_OR_RETURN(std::optional<store::LayerRecord> layer,
                   state_.store->layers().find(record->layers.front()));
  if (!layer) return false;
  if (state_.lease) {
    const Status held = state_.lease->hold_layers(*state_.store, record->layers);
    if (!held && held.error().kind() == ErrorKind::kNotFound) return false;  // collected this moment
    RETURN_IF_ERROR(held);
  }
  state.diff_ids = {layer->diff_id};
  state.chain = chain_of(state_.chain(node.parent), layer->content_key);
  state.layers.push_back(std::move(*layer));
  state.created = record->created;
  state.known = state.cached = true;
  state.materialized = record->encoding == state_.encoding;
  if (!state.materialized) state.foreign = std::move(record);
  ++steps_cached_;
  show_start(id);
  show_end(id, StepEnd::kCached);
  return true;
}

Status Solver::look_up() {
  for (const plan::Node& node : state_.plan.nodes) {
    const NodeState& state = state_.state(node.id);
    if (!state.needed || state.known || state.started || !inputs_known(node)) continue;
    ASSIGN_OR_RETURN(const bool found, try_cache(node.id));
    (void)found;  // a miss is not an error; its dependents find it unknown
  }
  return {};
}

Status Solver::run(int stop_fd, std::vector<registry::PullProcess>& pulls, bool need_files) {
  pulls_ = &pulls;
  need_files_ = need_files;
  // Commands wait for disks and networks as much as they compute.
  constexpr int kLeast = 8;
  const int processors = static_cast<int>(std::thread::hardware_concurrency());  // reads a file
  job_limit_ = state_.request.jobs > 0 ? state_.request.jobs : std::max(kLeast, 2 * processors);
  ASSIGN_OR_RETURN(loop_, EventLoop::create(std::max(2, processors)));
  loop_->on_tick([this] { events_.tick(); });
  loop_->watch(stop_fd, [this, stop_fd] {
    loop_->unwatch(stop_fd);
    if (!error_) error_ = Error(ErrorKind::kCancelled, "interrupted");
    cancel();
  });
  Status looped = loop_->run([this] {
    if (!error_) {
      if (Status advanced = advance(); !advanced) {
        error_ = std::move(advanced.error());
        cancel();
      }
    }
    return idle() && !(blocked_ && !error_);
  });
  cancel();
  loop_.reset();
  environment_.reset();  // and with it the groups of its commands
  if (error_) return fail(std::move(*error_));
  RETURN_IF_ERROR(looped);
  if (!complete()) return fail(ErrorKind::kInternal, "the build stopped before everything was made");
  return {};
}

// Starts whatever can be started now. Called after every event.
Status Solver::advance() {
  blocked_ = false;
  bool progress = true;
  while (progress) {
    progress = false;
    for (const plan::Node& node : state_.plan.nodes) {
      if (error_) return {};  // something that was just started has failed: nothing more begins
      NodeState& state = state_.state(node.id);
      if (!state.needed || state.known || state.started || !inputs_known(node)) continue;
      // Unpacked inputs give better keys (what a COPY picks instead of the whole stage), so they come first.
      bool waiting = false;
      const auto unpack = [&](plan::NodeId id) -> Status {
        for (; id != plan::kNoNode; id = state_.node(id).parent) {
          if (state_.state(id).materialized) continue;
          waiting = true;
          if (state_.state(id).started) continue;
          RETURN_IF_ERROR(materialize(id));
          progress = progress || state_.state(id).materialized;  // it was all there already
        }
        return {};
      };
      RETURN_IF_ERROR(unpack(node.parent));
      for (const plan::NodeId input : node.inputs) RETURN_IF_ERROR(unpack(input));
      if (waiting) continue;
      ASSIGN_OR_RETURN(const bool cached, try_cache(node.id));
      if (!cached) RETURN_IF_ERROR(start_step(node.id));
      progress = progress || cached;
    }
  }
  const plan::NodeId target = state_.plan.stages[state_.plan.target].result;
  for (plan::NodeId id = target; id != plan::kNoNode; id = state_.node(id).parent) {
    const NodeState& state = state_.state(id);
    const bool wanted =
        need_files_ || (std::holds_alternative<plan::ImageOp>(state_.node(id).op) &&
                        (state_.images.at(id).pull >= 0 || !state_.images.at(id).layout.empty()));
    if (wanted && state.known && !state.materialized && !state.started && !error_)
      RETURN_IF_ERROR(materialize(id));
  }
  return {};
}

Status Solver::start_image(plan::NodeId id) {
  state_.state(id).started = true;
  show_start(id);
  Result<bool> converting = convert_image(id);
  if (!converting) {
    fail_step(id, std::move(converting.error()));
    return {};
  }
  return *converting ? Status() : start_image_step(id);
}

Status Solver::start_image_step(plan::NodeId id) {
  BaseImage& image = state_.images.at(id);
  // An image that was built here has no blobs to unpack, and needs none.
  if (image.pull < 0 && image.blobs.size() != image.config.diff_ids.size()) {
    ASSIGN_OR_RETURN(const auto stack,
                     state_.store->layers().find_stack(image.config.diff_ids, state_.encoding));
    if (std::ranges::all_of(stack, [](const auto& layer) { return layer.has_value(); })) {
      NodeState& state = state_.state(id);
      for (const auto& layer : stack) state.layers.push_back(*layer);
      state.materialized = true;
      show_end(id, StepEnd::kDone);
      return {};
    }
  }
  registry::PullProcess* pull = image.pull >= 0 ? &(*pulls_)[static_cast<std::size_t>(image.pull)] : nullptr;
  images_.push_back(
      {.node = id, .step = std::make_unique<ImageStep>(state_, id, image, pull), .watched = {}});
  RunningImage& running = images_.back();
  if (Status started = running.step->start(); !started) {
    images_.pop_back();
    fail_step(id, std::move(started.error()));
    return {};
  }
  advance_image(running);
  return {};
}

void Solver::advance_image(RunningImage& image) {
  const plan::NodeId id = image.node;
  for (const int fd : image.watched) loop_->unwatch(fd);
  image.watched.clear();
  Status advanced = image.step->advance(events_, state_.state(id).step);
  if (advanced && !image.step->done()) {
    image.watched = image.step->fds();
    for (const int fd : image.watched) loop_->watch(fd, [this, &image] { advance_image(image); });
    return;
  }
  if (advanced) advanced = image.step->finish();
  images_.remove_if(
      [id](const RunningImage& one) { return one.node == id; });  // `image` is gone from here on
  if (advanced)
    show_end(id, StepEnd::kDone);
  else
    fail_step(id, std::move(advanced.error()));
}

Status Solver::start_step(plan::NodeId id) {
  const plan::Node& node = state_.node(id);
  NodeState& state = state_.state(id);
  const bool command = std::holds_alternative<plan::RunOp>(node.op);
  if (command && static_cast<int>(commands_.size()) + making_roots_ >= job_limit_) return {};
  ASSIGN_OR_RETURN(std::optional<StepKey> key, key_of(state_, node));
  if (command) return start_command(id, std::move(*key));

  state.started = true;
  show_start(id);
  if (const auto* copy = std::get_if<plan::CopyOp>(&node.op)) {
    CopyInputs inputs{.op = copy,
                      .below = state_.stack(node.parent),
                      .source = nullptr,
                      .remotes = {},
                      .warnings = nullptr};
    ASSIGN_OR_RETURN(inputs.source, state_.tree(copy->source));
    for (const plan::RemoteSource& remote : copy->remotes) {
      ASSIGN_OR_RETURN(
          SourceTree * tree,
          state_.tree({.kind = plan::FileSource::Kind::kNode, .name = {}, .node = remote.node, .files = {}}));
      inputs.remotes.push_back(tree);
    }
    const auto warnings = std::make_shared<std::vector<std::string>>();
    inputs.warnings = warnings.get();
    submit_layer(id, std::move(*key), [this, inputs] { return make_copy_layer(state_, inputs); }, warnings);
  } else if (std::holds_alternative<plan::GitOp>(node.op)) {
    submit_layer(id, std::move(*key), [this, id] { return make_repository_layer(state_, id); });
  } else if (const auto* http = std::get_if<plan::HttpOp>(&node.op)) {
    HttpInputs inputs{.op = http, .etag = {}, .earlier = {}};
    if (!node.no_cache) RETURN_IF_ERROR(find_earlier_download(*key, inputs));
    submit_layer(id, std::move(*key),
                 [this, &state, inputs] { return make_http_layer(state_, inputs, state.etag); });
  } else {
    const auto& directory = std::get<plan::MakeDirOp>(node.op);
    submit_layer(id, std::move(*key), [this, &directory, below = state_.stack(node.parent)] {
      return make_directory_layer(state_, directory, below);
    });
  }
  return {};
}

// What the same address gave the last time: if the server says that it is still right, it is taken again.
Status Solver::find_earlier_download(const StepKey& key, HttpInputs& inputs) {
  ASSIGN_OR_RETURN(const std::vector<store::CacheRecord> earlier,
                   state_.store->cache().records_with_definition(key.definition, 1));
  if (earlier.empty() || earlier.front().encoding != state_.encoding || earlier.front().layers.size() != 1)
    return {};
  const auto etag = std::find_if(earlier.front().parts.begin(), earlier.front().parts.end(),
                                 [](const store::KeyPart& part) { return part.name == kEtag; });
  if (etag == earlier.front().parts.end()) return {};
  ASSIGN_OR_RETURN(inputs.earlier, state_.store->layers().find(earlier.front().layers.front()));
  if (!inputs.earlier) return {};
  const Status held = state_.lease->hold_layers(*state_.store, earlier.front().layers);
  if (held)
    inputs.etag = etag->value;
  else if (held.error().kind() != ErrorKind::kNotFound)  // collected this moment
    return held;
  return {};
}

void Solver::submit_layer(plan::NodeId id, StepKey key, std::function<Result<store::LayerRecord>()> make,
                          std::shared_ptr<const std::vector<std::string>> warnings) {
  auto result = std::make_shared<std::optional<Result<store::LayerRecord>>>();
  ++submitted_;
  loop_->submit([result, make = std::move(make)] { *result = make(); },
                [this, id, result, key = std::move(key), warnings = std::move(warnings)] {
                  --submitted_;
                  if (warnings) show_warnings(id, *warnings);
                  finish_step(id, key, std::move(**result));
                });
}

void Solver::show_warnings(plan::NodeId id, const std::vector<std::string>& warnings) {
  for (const std::string& text : warnings) {
    const Error placed = state_.error_at(state_.node(id), Error(ErrorKind::kDockerfile, text));
    events_.on(Warning{.rule = {},
                       .text = text,
                       .description = {},
                       .url = {},
                       .span = placed.span() != nullptr ? *placed.span() : SourceSpan{},
                       .excerpt = placed.excerpt()});
  }
}

Status Solver::record(plan::NodeId id, const StepKey& key, const store::LayerRecord& layer) {
  const plan::Node& node = state_.node(id);
  NodeState& state = state_.state(id);
  state.diff_ids = {layer.diff_id};
  state.layers = {layer};
  state.chain = chain_of(state_.chain(node.parent), layer.content_key);
  state.created = std::time(nullptr);
  store::CacheRecord record;
  record.key = key.key;
  record.definition = key.definition;
  record.encoding = state_.encoding;
  record.layers = {layer.id};
  record.content_key = layer.content_key;
  record.parts = key.parts;
  // Once, and the same in both places: the image is the same when it is taken from the cache.
  record.created = state.created;
  if (!state.etag.empty()) record.parts.push_back({.name = kEtag, .value = state.etag});
  record.cost = Clock::now() - begun_[id];
  RETURN_IF_ERROR(state_.store->cache().put(record));
  state.known = state.materialized = true;
  return {};
}

void Solver::finish_step(plan::NodeId id, const StepKey& key, Result<store::LayerRecord> layer) {
  if (error_) {
    show_end(id, StepEnd::kCancelled);
    return;
  }
  if (!layer) return fail_step(id, std::move(layer.error()));
  if (Status recorded = record(id, key, *layer); !recorded) return fail_step(id, std::move(recorded.error()));
  if (!std::holds_alternative<plan::RunOp>(state_.node(id).op)) ++steps_run_;
  show_end(id, StepEnd::kDone);
}

void Solver::fail_step(plan::NodeId id, Error error, const std::string& log) {
  Error placed = state_.error_at(state_.node(id), std::move(error));
  show_end(id, StepEnd::kFailed, placed.to_line(), log);
  if (error_) return;
  error_ = std::move(placed);
  cancel();
}

void Solver::cancel() {
  state_.clones.cancel();
  for (RunningCommand& command : commands_) command.step->kill();
  for (RunningImage& image : images_) {
    for (const int fd : image.watched) loop_->unwatch(fd);
    show_end(image.node, StepEnd::kCancelled);
  }
  images_.clear();
}

}  // namespace shale::build
