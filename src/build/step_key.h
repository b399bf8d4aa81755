// SPDX-License-Identifier: Apache-2.0
// StepKey: what identifies the result of a step before it has run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "build/build_state.h"
#include "store/cache.h"

namespace shale::build {

struct StepKey {
  Digest definition;  // the operation alone
  Digest key;         // with the content of everything it reads
  std::vector<store::KeyPart> parts;
};

// The key of a step whose parent and inputs are known. Reads context files that the stat cache does not know,
// and the manifests of stages it copies from (unless the store remembers what that selection meant). Nothing
// for a base image.
Result<std::optional<StepKey>> key_of(BuildState& state, const plan::Node& node);

// "src/main.c changed", from the parts of the newest earlier record of the same operation; empty if there is
// none.
std::string explain_miss(const StepKey& key, const std::vector<store::CacheRecord>& earlier);

// The identity of the snapshot that a layer of this content makes on top of `parent`.
Digest chain_of(const Digest& parent, const Digest& content_key);
// The same for a whole image.
Digest chain_of_image(const std::vector<Digest>& diff_ids);

}  // namespace shale::build
