// SPDX-License-Identifier: Apache-2.0
// StageGraph: which stage or image every FROM, COPY --from and RUN --mount=from means, and which stages a
// target needs.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/parse.h"
#include "image/config.h"
#include "plan/planner.h"
#include "plan/scope.h"

namespace shale::plan {

// What a name stands for.
struct Target {
  enum class Kind : std::uint8_t { kScratch, kStage, kImage, kDirectory, kRemote };
  Kind kind = Kind::kScratch;
  int stage = -1;         // kStage
  std::string reference;  // kImage: the reference; kDirectory, kRemote: the context's name
  std::string platform;   // kImage
};

// The variables that FROM lines see: `platform`, then the file's ARGs before the first FROM, with the values
// of `build_args` or their defaults. An error has its place.
Result<Variables> expand_global_arguments(const dockerfile::ParsedFile& file, const Variables& platform,
                                          const std::vector<std::pair<std::string, std::string>>& build_args);

// One stage with what is known of it before any instruction was looked at.
struct StageNames {
  const dockerfile::Stage* source = nullptr;
  Target base;
  std::string base_text;                          // expanded, for titles
  std::vector<dockerfile::Instruction> triggers;  // ONBUILD of the base, parsed, to run first
  bool triggers_known = false;                    // the base's config was there
  bool replaced = false;  // --build-context of its name: none of its instructions counts

  // What runs in this stage, in order.
  [[nodiscard]] std::vector<const dockerfile::Instruction*> instructions() const;
};

// A named context is an image by another name: whichever form of an image's name is written, "app",
// "app:latest" and "docker.io/library/app" are one. What is no image's name stays as it is.
std::string context_name(const std::string& name);

class StageGraph {
 public:
  // Expands every FROM, resolves bases, checks the target. Errors are collected.
  static Result<StageGraph> create(const dockerfile::ParsedFile& file, const PlanOptions& options);

  [[nodiscard]] const std::vector<StageNames>& stages() const { return stages_; }
  [[nodiscard]] std::vector<StageNames>& stages() { return stages_; }
  [[nodiscard]] int target() const { return target_; }
  [[nodiscard]] const Variables& global_arguments() const { return globals_; }
  [[nodiscard]] const Variables& platform_arguments() const { return platform_; }

  // What COPY --from=`name` or a mount's from=`name` means for an instruction of stage `stage`.
  // `number_is_stage`: digits are an index (COPY), not an image's name (mounts). The error has no place.
  [[nodiscard]] Result<Target> find(std::string_view name, int stage, bool number_is_stage) const;

  // Everything instructions of stage `index` refer to, triggers included; `instruction` = null for the base.
  struct Reference {
    Target target;
    const dockerfile::Instruction* instruction = nullptr;
  };
  [[nodiscard]] Result<std::vector<Reference>> references(int index) const;

 private:
  StageGraph(const dockerfile::ParsedFile& file, const PlanOptions& options)
      : file_(&file), options_(&options) {}
  Result<StageNames> resolve_stage(int index);
  // Why a variable in `word` of a FROM has no value: it is declared too late, or misspelt. "" if neither.
  [[nodiscard]] std::string unset_hint(const std::string& word) const;
  Result<int> find_target() const;
  // What --build-context gave this name.
  [[nodiscard]] std::optional<Target> named_context(const std::string& wanted) const;

  const dockerfile::ParsedFile* file_;
  const PlanOptions* options_;
  Variables platform_;
  Variables globals_;
  std::vector<StageNames> stages_;
  int target_ = 0;
};

}  // namespace shale::plan
