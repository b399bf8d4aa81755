// SPDX-License-Identifier: Apache-2.0
// A plan of a text, with configs for the images that it names.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "plan/planner.h"

namespace shale::plan {

using ConfigOf = std::function<image::ImageConfig(const ImageNeed& need)>;

inline Result<Plan> plan_with(const std::string& text, PlanOptions options, const ConfigOf& config_of) {
  ASSIGN_OR_RETURN(dockerfile::ParsedFile file, dockerfile::parse_dockerfile(text, "Dockerfile"));
  ASSIGN_OR_RETURN(const std::unique_ptr<Planner> planner,
                   Planner::create(std::move(file), std::move(options)));
  while (true) {
    ASSIGN_OR_RETURN(const std::vector<ImageNeed> needs, planner->needs());
    if (needs.empty()) return planner->plan();
    for (const ImageNeed& need : needs) planner->provide(need, config_of(need));
  }
}

}  // namespace shale::plan
