// SPDX-License-Identifier: Apache-2.0
// Changes are planned as a Dockerfile on nothing: so they mean here what they mean in a build.
#include "export/import_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

#include "dockerfile/parse.h"
#include "plan/planner.h"

namespace shale::exporter {

namespace {

constexpr std::array<std::string_view, 12> kAllowed = {"CMD",         "ENTRYPOINT", "ENV",     "EXPOSE",
                                                       "HEALTHCHECK", "LABEL",      "ONBUILD", "SHELL",
                                                       "STOPSIGNAL",  "USER",       "VOLUME",  "WORKDIR"};

constexpr const char* kSource = "--change";

}  // namespace

Result<image::ImageConfig> config_of_changes(const std::vector<std::string>& changes,
                                             const image::Platform& platform) {
  image::ImageConfig config;
  config.platform = platform;
  if (changes.empty()) return config;
  std::string text = "FROM scratch\n";
  for (const std::string& change : changes) text += change + "\n";
  ASSIGN_OR_RETURN(dockerfile::ParsedFile file, dockerfile::parse_dockerfile(text, kSource));
  if (file.stages.size() != 1) return fail(ErrorKind::kUsage, "--change does not take FROM");
  for (const dockerfile::Instruction& instruction : file.stages[0].instructions)
    if (std::ranges::find(kAllowed, instruction.keyword) == kAllowed.end())
      return fail(Error(ErrorKind::kUsage, fmt::format("--change does not take {}", instruction.keyword))
                      .hint(fmt::format("it takes {}", fmt::join(kAllowed, ", "))));
  // A build's default, which an imported image does not get.
  const bool names_path =
      std::ranges::any_of(file.stages[0].instructions, [](const dockerfile::Instruction& instruction) {
        const auto* env = std::get_if<dockerfile::Env>(&instruction.body);
        return env != nullptr &&
               std::ranges::find(env->items, "PATH", &dockerfile::KeyValue::key) != env->items.end();
      });
  plan::PlanOptions options;
  options.platform = platform;
  ASSIGN_OR_RETURN(const std::unique_ptr<plan::Planner> planner,
                   plan::Planner::create(std::move(file), options));
  ASSIGN_OR_RETURN(const std::vector<plan::ImageNeed> needs, planner->needs());
  if (!needs.empty()) return fail(ErrorKind::kInternal, "changes of a config need an image");
  ASSIGN_OR_RETURN(plan::Plan planned, planner->plan());
  config = std::move(planned.stages[planned.target].config);
  config.platform = platform;
  config.history.clear();
  if (!names_path)
    std::erase_if(config.env, [](const std::string& entry) { return entry.starts_with("PATH="); });
  return config;
}

}  // namespace shale::exporter
