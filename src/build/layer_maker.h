// SPDX-License-Identifier: Apache-2.0
// The last act of every step that writes: an upper directory becomes a published layer.
#pragma once

#include "build/build_state.h"
#include "layer/diff.h"

namespace shale::build {

// Describes what is in `directory` against `below` and publishes it. `owners` are those of what
// carries none in this encoding. On any thread; the store takes turns. The layer may be an older one of the
// same content; `diff_id` (if not null) gets that of what is there.
Result<store::LayerRecord> publish_upper(store::Store& store, store::BuildLease& lease,
                                         const std::string& encoding, store::WorkDirectory directory,
                                         const layer::SnapshotView& below, layer::OwnersBeside owners = {},
                                         Digest* diff_id = nullptr);

// COPY and ADD: the layer with the files of `op`, on top of `below`. On any thread; `source` is the tree of
// op->source, of which only names and open_file() are used.
struct CopyInputs {
  const plan::CopyOp* op = nullptr;
  LayerStack below;
  SourceTree* source = nullptr;
  std::vector<SourceTree*> remotes;  // of op->remotes
  // Gets what archives held that is not in the layer, or not where they said.
  std::vector<std::string>* warnings = nullptr;
};
Result<store::LayerRecord> make_copy_layer(BuildState& state, const CopyInputs& inputs);

// WORKDIR: the directory, if it is missing, owned by `user` as the image knows it.
Result<store::LayerRecord> make_directory_layer(BuildState& state, const plan::MakeDirOp& op,
                                                const LayerStack& below);

}  // namespace shale::build
