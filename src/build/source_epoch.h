// SPDX-License-Identifier: Apache-2.0
// SOURCE_DATE_EPOCH that is no number: the name of a source whose time it is.
#pragma once

#include "build/build_inputs.h"
#include "dockerfile/parse.h"
#include "plan/planner.h"

namespace shale::build {

// Where the variable says "context", or names a --build-context or a stage that is FROM scratch with one
// remote ADD, it becomes the time of that source in `options`: of the commit, of the server's file, else of
// the newest entry of an archive. A directory has no such time: the variable then counts as not set. Fetches
// the source, so that the value is known before anything is planned.
Status settle_source_date_epoch(BuildState& state, const BuildInputs& inputs, dockerfile::ParsedFile& file,
                                plan::PlanOptions& options, EventSink& events);

}  // namespace shale::build
