// SPDX-License-Identifier: Apache-2.0
// The image a finished build makes: config, history, layers.
#pragma once

#include <optional>

#include "build/build_state.h"

namespace shale::build {

// The target's config with diff_ids, and times: each row with a layer has the time at which that layer was
// first made, so that a build that finds everything cached gives the same image again; rows without one have
// the time of the row before. SOURCE_DATE_EPOCH among the build arguments replaces them all.
Result<store::ImageRecord> assemble_image(const BuildState& state);

// SOURCE_DATE_EPOCH in seconds since 1970, if the plan has one.
Result<std::optional<std::int64_t>> source_date_epoch(const plan::Plan& plan);
// Seconds since 1970; none if empty. `name` is for the error.
Result<std::optional<std::int64_t>> parse_epoch(std::string_view name, const std::string& text);

// The size table: what each stage made, and what of it is not in the result.
BuildSummary summarize(const BuildState& state);

}  // namespace shale::build
