// SPDX-License-Identifier: Apache-2.0
// Events as JSON, for those that cross from one process to another.
#pragma once

#include <optional>

#include "base/json.h"
#include "shale/events.h"

namespace shale::exporter {

// None for StepOutput and BuildSummary, which only a build has: its sink lives where it runs.
std::optional<Json> event_to_json(const Event& event);
// None for what event_to_json() did not make.
std::optional<Event> event_from_json(const Json& json);

}  // namespace shale::exporter
