// SPDX-License-Identifier: Apache-2.0
// The warnings that need more than the Dockerfile's tree: values of variables, configs of images, the options
// of the build.
#pragma once

#include <string>
#include <vector>

#include "dockerfile/lint.h"
#include "plan/stage_graph.h"
#include "shale/events.h"

namespace shale::plan {

// UndefinedArgInFrom and InvalidDefaultArgInFrom, for the FROMs of all stages. `globals` is what they can
// read, `platform` the part of it that is there without an ARG.
std::vector<Warning> lint_from(const dockerfile::ParsedFile& file, const Variables& platform,
                               const Variables& globals, const PlanOptions& options,
                               const dockerfile::LintConfig& config);

// InvalidBaseImagePlatform: the image that `stage` begins with is for another platform than was asked for.
// Appends to `warnings`.
void lint_base_platform(const dockerfile::ParsedFile& file, const StageNames& stage,
                        const image::Platform& have, const dockerfile::LintConfig& config,
                        std::vector<Warning>& warnings);

// One warning without a rule when --build-arg named variables that no ARG of the file, nor of an image's
// ONBUILD, declares; nullopt when all were declared.
std::optional<Warning> unconsumed_build_args(const dockerfile::ParsedFile& file, const StageGraph& graph,
                                             const PlanOptions& options);

}  // namespace shale::plan
