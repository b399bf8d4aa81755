// SPDX-License-Identifier: Apache-2.0
// Planner: Dockerfile tree + options + configs of the images it names → Plan. Pure: it asks for image configs
// by saying which it needs.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dockerfile/ignore.h"
#include "dockerfile/parse.h"
#include "image/config.h"
#include "plan/plan.h"

namespace shale::plan {

struct PlanOptions {
  std::string target;  // stage name or number; empty = the last
  std::vector<std::pair<std::string, std::string>> build_args;
  std::vector<std::pair<std::string, std::string>> labels;
  image::Platform platform = image::Platform::host();
  image::Platform build_platform = image::Platform::host();
  NetworkMode network = NetworkMode::kDefault;
  // --build-context: names of local directories; and names that stand for an image reference.
  std::set<std::string> directory_contexts;
  std::map<std::string, std::string> image_contexts;
  std::map<std::string, RemoteOp> remote_contexts;  // and names of what is fetched
  // What keeps files of the context away from COPY, for the rule CopyIgnoredFile; null = not known.
  std::shared_ptr<const dockerfile::IgnoreMatcher> ignore;
  bool no_cache = false;
  std::set<std::string> no_cache_stages;  // lower case
};

// An image whose config the plan depends on.
struct ImageNeed {
  std::string reference;
  std::string platform;    // normal form
  SourceSpan span;         // where it is named first
  std::string near_stage;  // a stage whose name is close: perhaps that was meant; empty if none
  auto key() const { return std::pair(reference, platform); }
};

// Use: create; while needs() is not empty, provide() each; then plan(). ONBUILD triggers of a provided image
// may bring new needs.
class Planner {
 public:
  // Checks everything that needs no image: targets, stage names, forward references, variables in FROM. All
  // such errors are reported together. `file` is kept.
  static Result<std::unique_ptr<Planner>> create(dockerfile::ParsedFile file, PlanOptions options);
  virtual ~Planner() = default;

  [[nodiscard]] virtual Result<std::vector<ImageNeed>> needs() = 0;
  virtual void provide(const ImageNeed& need, image::ImageConfig config) = 0;
  // What lint says before any image is known, about all stages: all that a plan's warnings hold but for what
  // depends on configs and values. In the order of lines.
  [[nodiscard]] virtual std::vector<Warning> early_warnings() const = 0;
  // What "# check=error=true" makes of warnings; nullopt without it, and for none.
  [[nodiscard]] virtual std::optional<Error> lint_error(const std::vector<Warning>& warnings) const = 0;
  // Its warnings are about the stages that the target needs.
  [[nodiscard]] virtual Result<Plan> plan() = 0;
};

// What lint says of a file that Planner::create() refuses: what can be said without knowing the stages.
std::vector<Warning> lint_refused(const dockerfile::ParsedFile& file, const PlanOptions& options);

}  // namespace shale::plan
