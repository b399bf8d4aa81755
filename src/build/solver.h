// SPDX-License-Identifier: Apache-2.0
// Solver: makes every needed node of the plan known: from the cache where it can, else by running it,
// independent ones at the same time.
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "build/build_state.h"
#include "build/event_loop.h"
#include "build/image_step.h"
#include "build/remote_layer.h"
#include "build/run_step.h"
#include "build/step_key.h"

namespace shale::build {

// Two halves. look_up() runs anywhere and needs neither a namespace nor a thread. run() runs in the build's
// namespace and does the rest; the object may cross the clone in between (with the store closed and opened
// again).
class Solver {
 public:
  Solver(BuildState& state, EventSink& events, StepId& next_step)
      : state_(state), events_(events), next_step_(next_step) {}

  // Asks the cache for every node whose parent and inputs are known, as far as that leads.
  Status look_up();
  // Everything the target needs is known.
  [[nodiscard]] bool complete() const;

  // Runs what is missing. `stop_fd` readable = the user wants it to end: kCancelled. `pulls` are those of
  // BaseImage::pull. With `need_files`, the target's own layers are unpacked too, even if nothing has to run.
  Status run(int stop_fd, std::vector<registry::PullProcess>& pulls, bool need_files);

  [[nodiscard]] int steps_run() const { return steps_run_; }
  [[nodiscard]] int steps_cached() const { return steps_cached_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct RunningCommand {
    plan::NodeId node = plan::kNoNode;
    std::shared_ptr<RunStep> step;
    StepKey key;
    bool ended = false;  // the process is gone; its output may not be read yet
  };
  struct RunningImage {
    plan::NodeId node = plan::kNoNode;
    std::unique_ptr<ImageStep> step;
    std::vector<int> watched;
  };

  // true = it is known now.
  Result<bool> try_cache(plan::NodeId id);
  // The record of a step that was made in another encoding, if its files can be had.
  Result<std::optional<store::CacheRecord>> foreign_record(plan::NodeId id, const Digest& key);
  // Makes the layers of a known node usable as files.
  Status materialize(plan::NodeId id);
  Status start_conversion(plan::NodeId id);
  // True if the image's layers are there under other ids only; their conversion has begun.
  Result<bool> convert_image(plan::NodeId id);
  Status start_image_step(plan::NodeId id);
  bool inputs_known(const plan::Node& node) const;
  bool inputs_materialized(const plan::Node& node) const;
  void show_start(plan::NodeId id);
  void show_end(plan::NodeId id, StepEnd end, const std::string& message = {}, const std::string& log = {});

  Status advance();
  Status start_image(plan::NodeId id);
  void advance_image(RunningImage& image);
  Status start_step(plan::NodeId id);
  Status start_command(plan::NodeId id, StepKey key, std::optional<Snapshotter> snapshotter = std::nullopt);
  Status explain_run(plan::NodeId id, const StepKey& key);
  void launch(plan::NodeId id, std::shared_ptr<RunStep> step, StepKey key, Status prepared);
  // A command that failed, perhaps for want of memory for what it wrote.
  void run_on_disk(plan::NodeId id, StepKey key);
  Status find_earlier_download(const StepKey& key, HttpInputs& inputs);
  void show_isolation(plan::NodeId id);
  // `warnings` are told when it is made.
  void submit_layer(plan::NodeId id, StepKey key, std::function<Result<store::LayerRecord>()> make,
                    std::shared_ptr<const std::vector<std::string>> warnings = nullptr);
  void show_warnings(plan::NodeId id, const std::vector<std::string>& warnings);
  void read_command(RunningCommand& command, int stream);
  void end_command(RunningCommand& command);
  void finish_step(plan::NodeId id, const StepKey& key, Result<store::LayerRecord> layer);
  void fail_step(plan::NodeId id, Error error, const std::string& log = {});
  Status record(plan::NodeId id, const StepKey& key, const store::LayerRecord& layer);
  void cancel();
  [[nodiscard]] bool idle() const { return commands_.empty() && images_.empty() && submitted_ == 0; }

  BuildState& state_;
  EventSink& events_;
  StepId& next_step_;
  std::vector<registry::PullProcess>* pulls_ = nullptr;
  std::unique_ptr<EventLoop> loop_;
  std::optional<RunEnvironment> environment_;
  std::list<RunningCommand> commands_;
  std::list<RunningImage> images_;
  std::map<plan::NodeId, Clock::time_point> begun_;
  int job_limit_ = 0;     // commands at the same time
  int submitted_ = 0;     // work on workers: layers in the making, and
  int making_roots_ = 0;  // among it, root directories of commands
  bool need_files_ = false;
  bool isolation_shown_ = false;
  bool blocked_ = false;  // a step waits for something that another process holds
  std::optional<Error> error_;
  int steps_run_ = 0;
  int steps_cached_ = 0;
};

}  // namespace shale::build
