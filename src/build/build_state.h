// SPDX-License-Identifier: Apache-2.0
// BuildState: the plan, and what is known so far about the result of each of its nodes.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "build/clone_pool.h"
#include "build/context_tree.h"
#include "build/layer_tree.h"
#include "build/wanted_outputs.h"
#include "image/config.h"
#include "image/manifest.h"
#include "layer/owner_encoding.h"
#include "plan/plan.h"
#include "remote/secret.h"
#include "remote/ssh_agents.h"
#include "runtime/cgroup_place.h"
#include "runtime/isolation.h"
#include "runtime/seccomp_profile.h"
#include "shale/build.h"
#include "store/cache.h"
#include "store/images.h"
#include "store/lease.h"
#include "store/memory_uppers.h"
#include "store/store.h"

namespace shale::build {

// What a node's result is, as far as it is known.
struct NodeState {
  bool needed = false;        // the target depends on it
  bool known = false;         // its content is known: `chain`, `diff_ids`, and for steps `layers`
  bool materialized = false;  // the directories of its own layers exist, in this build's encoding
  // A step found under other ids: `layers` are those, until they are needed as files and converted.
  std::optional<store::CacheRecord> foreign;
  std::string foreign_reason;  // why one that was found so is of no use
  bool cached = false;
  bool started = false;                    // its work has begun
  Digest chain;                            // identity of the whole snapshot up to here
  std::vector<store::LayerRecord> layers;  // its own, lowest first; a step has one
  std::vector<Digest> diff_ids;            // its own
  std::int64_t created = 0;                // seconds since 1970: when its layer was first made
  std::chrono::nanoseconds elapsed{0};
  StepId step = 0;   // in events; 0 = not shown yet
  std::string etag;  // of what a HttpOp fetched
};

// One image the plan names, resolved.
struct BaseImage {
  image::ImageConfig config;
  std::string config_json;
  Digest id;
  std::vector<image::Descriptor> blobs;  // of its layers, when a manifest is known
  std::optional<store::ImageManifest> manifest;
  std::optional<Digest> registry_digest;  // what the registry calls it
  std::string reference;                  // full form, under which it is recorded once pulled
  int pull = -1;                          // index of its running pull; -1 = everything is in the store
  std::string layout;                     // or: the OCI layout that its layers come from, an absolute path
};

// What is known of a repository that a node fetches.
struct RepositoryState {
  std::string commit;                         // its id
  std::string full_name;                      // by what name it is fetched; empty = by its id
  std::optional<store::WorkDirectory> files;  // fetched, not yet a layer
};

class BuildState {
 public:
  BuildRequest request;
  WantedOutputs outputs;
  std::string store_root;  // absolute once the store was opened
  plan::Plan plan;
  std::string dockerfile_name;
  std::string dockerfile_text;
  std::unique_ptr<ContextTree> context;
  std::map<std::string, std::unique_ptr<ContextTree>> named_contexts;
  std::map<plan::NodeId, BaseImage> images;
  std::map<plan::NodeId, RepositoryState> repositories;  // of GitOp nodes
  std::vector<remote::Secret> secrets;
  std::optional<runtime::SeccompProfile> seccomp;  // of commands; none with seccomp=unconfined
  runtime::BuildIsolation isolation;
  runtime::CgroupPlace cgroup_place;  // of the user's process
  std::string encoding;               // of layer directories made here
  [[nodiscard]] layer::OwnerEncoding owners() const { return layer::owner_encoding_of(encoding); }
  std::optional<store::Store> store;
  remote::SshAgents ssh;
  std::optional<store::BuildLease> lease;
  std::vector<NodeState> nodes;
  // Mount points that images lack, by what has to be made: one directory serves all steps that need the same.
  std::map<Digest, store::WorkDirectory> mount_points;
  ClonePool clones;
  std::optional<store::MemoryUppers> memory;  // see choose_snapshotter()

  // Opens the store, and makes the build's directory in it, unless that was done before.
  Status open_store();
  Status open_lease();

  // How the root directory of the next command is made: as the isolation has it, or by copying where that is
  // memory and too little of it is free. Inside, on the loop's thread.
  Result<Snapshotter> choose_snapshotter();

  // The socket of the agent that --ssh gives to git; empty = the environment's.
  [[nodiscard]] std::string ssh_socket() const { return ssh.known_socket("default").value_or(""); }

  // Sizes `nodes` for `plan` and marks what the target needs.
  void begin(plan::Plan new_plan);

  [[nodiscard]] const plan::Node& node(plan::NodeId id) const {
    return plan.nodes[static_cast<std::size_t>(id)];
  }
  [[nodiscard]] NodeState& state(plan::NodeId id) { return nodes[static_cast<std::size_t>(id)]; }
  [[nodiscard]] const NodeState& state(plan::NodeId id) const { return nodes[static_cast<std::size_t>(id)]; }

  // The identity of a node's snapshot; that of the empty one for kNoNode. The node is known.
  [[nodiscard]] Digest chain(plan::NodeId id) const;
  // The layers of a node's snapshot, lowest first. All of them are known and materialized.
  [[nodiscard]] LayerStack stack(plan::NodeId id) const;
  // The diff_ids of a node's snapshot, lowest first.
  [[nodiscard]] std::vector<Digest> diff_ids(plan::NodeId id) const;
  // Every layer directory of the snapshot exists.
  [[nodiscard]] bool materialized(plan::NodeId id) const;

  // The tree a COPY reads from. Layers must be materialized where they are needed for more than names.
  [[nodiscard]] Result<SourceTree*> tree(const plan::FileSource& source);

  // An error at a node's place in the Dockerfile.
  [[nodiscard]] Error error_at(const plan::Node& node, Error error) const;

  // Trees that look at the store; dropped before the store is closed.
  void forget_trees() { layer_trees_.clear(); }

 private:
  std::map<plan::NodeId, std::unique_ptr<SourceTree>> layer_trees_;
  std::unique_ptr<SourceTree> empty_tree_;
};

}  // namespace shale::build
