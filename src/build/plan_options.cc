// SPDX-License-Identifier: Apache-2.0
#include "build/plan_options.h"

#include <algorithm>
#include <cctype>

namespace shale::build {

Result<plan::PlanOptions> plan_options(const BuildRequest& request, const BuildInputs& inputs) {
  plan::PlanOptions options;
  options.target = request.target;
  options.build_args = request.build_args;
  options.labels = request.labels;
  options.network = request.network;
  options.no_cache = request.no_cache;
  if (!request.platform.empty()) {
    ASSIGN_OR_RETURN(options.platform, image::Platform::parse(request.platform));
  }
  for (const auto& [name, directory] : inputs.named) options.directory_contexts.insert(name);
  options.image_contexts = inputs.image_contexts;
  options.remote_contexts = inputs.remote_contexts;
  options.ignore = std::make_shared<const dockerfile::IgnoreMatcher>(inputs.context.ignore);
  for (std::string stage : request.no_cache_filter) {
    std::transform(stage.begin(), stage.end(), stage.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    options.no_cache_stages.insert(std::move(stage));
  }
  return options;
}

}  // namespace shale::build
