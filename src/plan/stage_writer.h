// SPDX-License-Identifier: Apache-2.0
// StageWriter: what the planning of every instruction needs of its stage: words expanded with the stage's
// variables, errors with their place, and where nodes and history rows go.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dockerfile/lint.h"
#include "plan/plan.h"
#include "plan/planner.h"
#include "plan/stage_graph.h"

namespace shale::plan {

// What a stage hands on to a stage that is FROM it, beside plan::Stage.
struct StageState {
  Variables environment;  // ENV and ARG values: what RUN and expansion see
  std::vector<std::pair<std::string, std::optional<std::string>>>
      arguments;  // declared ARGs, for RUN's history row
};

// What the planning of a stage needs from the whole plan.
struct PlanContext {
  const dockerfile::ParsedFile* file = nullptr;
  const PlanOptions* options = nullptr;
  const StageGraph* graph = nullptr;
  dockerfile::LintConfig lint;
  Plan* plan = nullptr;
  std::size_t* expanded_bytes = nullptr;  // of all stages so far
  // The node whose result a name means; stages have been planned before they are asked for.
  std::function<Result<FileSource>(const Target&, const dockerfile::Instruction&)> source_of;
};

class StageWriter {
 public:
  using Instruction = dockerfile::Instruction;

  // All of them are kept by reference; `stage` is an element of context.plan->stages.
  StageWriter(const PlanContext& context, Stage& stage, StageState& state);

  [[nodiscard]] const PlanContext& context() const { return context_; }
  [[nodiscard]] Stage& stage() const { return stage_; }
  [[nodiscard]] StageState& state() const { return state_; }
  [[nodiscard]] const StageNames& names() const { return names_; }

  // `word` with the stage's variables; those that are unset give a warning.
  Result<std::string> expand(const Instruction& instruction, std::string_view word);
  Result<std::string> expand_heredoc(const Instruction& instruction, std::string_view text);
  // Counts text that the plan keeps; an error once it is more than kMaxExpandedText. expand() counts what it
  // gives.
  Status count_text(const Instruction& instruction, std::size_t bytes);
  // One warning for each of `names` that nobody declared.
  void warn_unset(const Instruction& instruction, const std::vector<std::string>& names);
  // A warning of lint at `word` in the instruction, unless it is switched off there.
  void warn(const Instruction& instruction, std::string_view rule, std::string_view word,
            const std::vector<std::string>& arguments);
  // `error` at the instruction, or at `word` in it; without excerpt for what an image's ONBUILD brought.
  [[nodiscard]] Error at(const Instruction& instruction, const Error& error,
                         std::string_view word = {}) const;

  // `path` as the stage sees it: relative ones start at WORKDIR.
  [[nodiscard]] std::string absolute(std::string_view path) const;
  // The words to execute: a shell form gets the stage's SHELL in front.
  [[nodiscard]] std::vector<std::string> with_shell(const dockerfile::CommandLine& command) const;

  // A new node on top of the stage's result, titled and counted, and its row of the history.
  void add_step(const Instruction& instruction, decltype(Node::op) op, std::vector<NodeId> inputs,
                std::string created_by);
  // The node that fetches `op`, for an instruction that reads from it. Call it before add_step().
  NodeId add_remote_node(const Instruction& instruction, const RemoteOp& op);
  // Counts an instruction that turned out to need no node.
  void skip_number() { ++shown_index_; }
  void add_history(std::string created_by, NodeId node = kNoNode);

 private:
  [[nodiscard]] std::string title(const Instruction& instruction);
  [[nodiscard]] bool no_cache() const;

  const PlanContext& context_;
  Stage& stage_;
  StageState& state_;
  const StageNames& names_;
  int shown_total_ = 0;  // "3/5" in titles: FROM and everything that makes a layer
  int shown_index_ = 1;
};

// How many instructions of a stage make a layer: the 5 of "[build 3/5]", but for FROM.
int layer_count(const StageNames& stage);

}  // namespace shale::plan
