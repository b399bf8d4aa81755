// SPDX-License-Identifier: Apache-2.0
// RunStep: one RUN from its snapshot to its layer: mounts, sandbox, output, outcome.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "build/build_state.h"
#include "build/run_root.h"
#include "build/ssh_forwarder.h"
#include "runtime/cgroup_place.h"
#include "runtime/launcher.h"
#include "runtime/sandbox_spec.h"
#include "runtime/step_cgroup.h"
#include "store/cache_mounts.h"

namespace shale::build {

// What all RUN steps of a build share. Made when the first one starts.
struct RunEnvironment {
  runtime::Launcher launcher;
  std::vector<std::string> seccomp_programs;
  std::vector<std::string> masked_paths;
  runtime::StepCgroups cgroups;
  runtime::OomKills kills{};
  std::chrono::steady_clock::time_point kills_counted{};

  // What the kernel had killed for want of memory by now, or a second ago: the counts are asked for before
  // every command, for the sake of those that fail, and the kernel adds them up over all processors.
  const runtime::OomKills& recent_kills(const runtime::CgroupPlace& place);
  // In the build's namespace, when the lease exists. Compiles the profile, if there is one.
  static Result<RunEnvironment> create(const BuildState& state);
};

// Use: prepare, make_root, start, feed output until both pipes are at their end and the pidfd is readable,
// then finish; after that publish(), on a worker unless it wrote nothing. All else on the loop's thread.
class RunStep {
 public:
  RunStep(BuildState& state, const plan::Node& node, LayerStack below, Snapshotter snapshotter);

  // What the step is given: cache directories, secrets, user. kBusy if a cache mount is in use in a way that
  // excludes this step: try again later.
  Status prepare();
  // The root directory. Where copies() says so it is one, of up to a whole image: on a worker then.
  Status make_root();
  [[nodiscard]] bool copies() const { return snapshotter_ == Snapshotter::kClone; }
  Status start(RunEnvironment& environment);

  // Readable ends of the command's standard output (0) and error (1); -1 once closed.
  [[nodiscard]] int output_fd(int stream) const { return output_[stream].get(); }
  [[nodiscard]] int pidfd() const { return sandbox_->pidfd(); }
  // Reads what is there; empty at the end, and the descriptor is closed then.
  std::string read_output(int stream);
  [[nodiscard]] bool output_ended() const { return !output_[0] && !output_[1]; }
  void kill();

  // How it ended: an error (kStepFailed with the last lines, set-up failures) or nothing.
  Status finish();
  // After finish(): what is to be said about a command that did not fail; empty = nothing.
  [[nodiscard]] const std::string& remark() const { return remark_; }
  // It wrote nothing, and publish() does not take long.
  [[nodiscard]] bool wrote_nothing() const { return root_.untouched(); }
  // What it wrote, as a layer.
  Result<store::LayerRecord> publish();
  // Gives everything back that publish() did not take.
  void discard();
  // The command has failed, and what it wrote may have had too little room in memory.
  [[nodiscard]] bool lacked_memory() const { return lacked_memory_; }

  [[nodiscard]] const std::string& log_path() const { return log_path_; }

 private:
  Status prepare_mount(const plan::MountOp& mount);
  Status prepare_bind(const plan::MountOp& mount);
  Status prepare_cache(const plan::MountOp& mount);
  Status prepare_secret(const plan::MountOp& mount);
  Status prepare_ssh(const plan::MountOp& mount);
  Status prepare_user();
  Status prepare_copied_bind(const plan::MountOp& mount);
  struct CopiedBind;
  Status make_copied_bind(const CopiedBind& bind);
  Status refuse_what_chroot_lacks() const;
  Result<bool> make_nested_mount_point(std::size_t index, bool is_directory);
  Status prepare_emulation();
  void remember_lines(const std::string& bytes);
  Result<UniqueFd> open_inside(int root, const std::string& path) const;

  BuildState& state_;
  const plan::Node& node_;
  const plan::RunOp& op_;
  LayerStack below_;
  Snapshotter snapshotter_;
  layer::SnapshotView view_;
  RunRoot root_;
  // A bind that make_root() makes a copy for.
  struct CopiedBind {
    const plan::MountOp* mount;
    SourceTree* source;
    std::size_t index;  // in spec_.mounts
  };
  std::vector<CopiedBind> copied_binds_;
  std::vector<store::WorkDirectory> scratch_;  // of binds
  std::vector<store::WorkDirectory> scratch_in_memory_;
  std::vector<UniqueFd> fds_;  // mounts, until the sandbox has them
  std::vector<store::CacheMount> cache_mounts_;
  std::vector<std::unique_ptr<SshForwarder>> forwarders_;
  std::set<std::string> cache_ids_;  // of those, for isolation chroot
  runtime::SandboxSpec spec_;
  std::optional<runtime::StepCgroup> cgroup_;  // outlives the sandbox
  std::uint64_t limit_above_ = 0;
  runtime::OomKills kills_before_;
  std::optional<runtime::RunningSandbox> sandbox_;
  UniqueFd journal_;  // owners that the sandbox recorded, where it has one id
  UniqueFd output_[2];
  UniqueFd log_;
  std::string log_path_;
  std::string tail_;  // the last lines, for the error
  bool lacked_memory_ = false;
  std::string remark_;
};

}  // namespace shale::build
