// SPDX-License-Identifier: Apache-2.0
#include "plan/outline.h"

#include <algorithm>
#include <map>
#include <set>

#include "dockerfile/mount.h"
#include "plan/stage_graph.h"

namespace shale::plan {

namespace {

class OutlineMaker {
 public:
  OutlineMaker(const dockerfile::ParsedFile& file, const PlanOptions& options, const StageGraph& graph)
      : file_(file), options_(options), graph_(graph) {
    expand_options_.escape = file.directives.escape;
  }

  Result<Outline> run() {
    const dockerfile::Stage& target = file_.stages[static_cast<std::size_t>(graph_.target())];
    out_.name = target.from.stage_name;
    out_.description = target.description;
    ASSIGN_OR_RETURN(const std::set<int> stages, reachable());
    for (const int stage : stages) {  // a stage stands behind those it is built on
      use(file_.stages[static_cast<std::size_t>(stage)].from.base);
      use(file_.stages[static_cast<std::size_t>(stage)].from.platform);
      visit(stage);
    }
    // Of the ARGs before the first FROM, those that a FROM of these stages reads, and what those read in
    // turn.
    for (auto at = file_.global_args.rbegin(); at != file_.global_args.rend(); ++at)
      for (const dockerfile::ArgItem& item : std::get<dockerfile::Arg>(at->body).items) {
        if (!used_.contains(item.name)) continue;
        if (item.value) use(*item.value);
        add_argument(item, graph_.global_arguments().get(item.name), at->span);
      }
    const auto by_line = [](const auto& a, const auto& b) { return a.span.line < b.span.line; };
    std::ranges::stable_sort(out_.arguments, by_line);
    for (auto* mounts : {&out_.secrets, &out_.ssh, &out_.caches}) std::ranges::stable_sort(*mounts, by_line);
    return std::move(out_);
  }

 private:
  Result<std::set<int>> reachable() const {
    std::set<int> out;
    std::vector<int> open{graph_.target()};
    while (!open.empty()) {
      const int index = open.back();
      open.pop_back();
      if (!out.insert(index).second) continue;
      ASSIGN_OR_RETURN(const std::vector<StageGraph::Reference> references, graph_.references(index));
      for (const StageGraph::Reference& reference : references)
        if (reference.target.kind == Target::Kind::kStage) open.push_back(reference.target.stage);
    }
    return out;
  }

  // Notes the variables that `word` reads of the global scope.
  void use(const std::string& word) {
    const Result<dockerfile::Expansion> expanded =
        dockerfile::expand_word(word, graph_.global_arguments().lookup(), expand_options_);
    if (!expanded) return;
    used_.insert(expanded->used_names.begin(), expanded->used_names.end());
    used_.insert(expanded->unset_names.begin(), expanded->unset_names.end());
  }

  [[nodiscard]] std::string expand(const Variables& scope, const std::string& word) const {
    return dockerfile::expand(word, scope.lookup(), expand_options_).value_or(word);
  }

  void visit(int index) {
    const StageNames& names = graph_.stages()[static_cast<std::size_t>(index)];
    Variables scope;
    if (names.base.kind == Target::Kind::kStage) scope = scopes_[names.base.stage];
    for (const dockerfile::Instruction* instruction : names.instructions()) {
      if (const auto* env = std::get_if<dockerfile::Env>(&instruction->body)) {
        std::vector<std::pair<std::string, std::string>> items;
        for (const dockerfile::KeyValue& item : env->items)
          items.emplace_back(expand(scope, item.key), expand(scope, item.value));
        for (const auto& [key, value] : items) scope.set(key, value);
      } else if (const auto* arg = std::get_if<dockerfile::Arg>(&instruction->body)) {
        for (const dockerfile::ArgItem& item : arg->items) visit_argument(item, instruction->span, scope);
      } else if (const auto* run = std::get_if<dockerfile::Run>(&instruction->body)) {
        for (const dockerfile::MountText& mount : run->mounts) visit_mount(mount, instruction->span, scope);
      }
    }
    scopes_[index] = std::move(scope);
  }

  void visit_argument(const dockerfile::ArgItem& item, const SourceSpan& span, Variables& scope) {
    const auto given = std::find_if(options_.build_args.rbegin(), options_.build_args.rend(),
                                    [&](const auto& argument) { return argument.first == item.name; });
    if (given != options_.build_args.rend())
      scope.set(item.name, given->second);
    else if (item.value)
      scope.set(item.name, expand(scope, *item.value));
    else if (const auto global = graph_.global_arguments().get(item.name))
      scope.set(item.name, *global);
    add_argument(item, scope.get(item.name), span);
  }

  // The place that is shown is the one that says most: the first with a value, else the first.
  void add_argument(const dockerfile::ArgItem& item, std::optional<std::string_view> value,
                    const SourceSpan& span) {
    OutlineArgument argument{.name = item.name,
                             .description = item.description,
                             .value = std::string(value.value_or("")),
                             .span = span};
    const auto known = std::ranges::find(out_.arguments, item.name, &OutlineArgument::name);
    if (known == out_.arguments.end()) {
      out_.arguments.push_back(std::move(argument));
      return;
    }
    if (known->description.empty()) known->description = argument.description;
    if (known->value.empty() && !argument.value.empty()) {
      known->value = argument.value;
      known->span = span;
    }
  }

  void visit_mount(const dockerfile::MountText& text, const SourceSpan& span, const Variables& scope) {
    const Result<dockerfile::Mount> mount = dockerfile::resolve_mount(text.text, [&](std::string_view word) {
      return dockerfile::expand(word, scope.lookup(), expand_options_);
    });
    if (!mount) return;  // a mount that depends on the base image's variables
    const auto add = [&](std::vector<OutlineMount>& list, std::string id, bool required) {
      const auto known = std::ranges::find(list, id, &OutlineMount::id);
      if (known == list.end())
        list.push_back({.id = std::move(id), .required = required, .span = span});
      else
        known->required = known->required || required;
    };
    const std::string last = mount->target.substr(mount->target.find_last_of('/') + 1);
    switch (mount->type) {
      case dockerfile::MountType::kSecret:
        add(out_.secrets,
            !mount->id.empty()       ? mount->id
            : !mount->source.empty() ? mount->source
                                     : last,
            mount->required);
        break;
      case dockerfile::MountType::kSsh:
        add(out_.ssh, mount->id.empty() ? "default" : mount->id, mount->required);
        break;
      case dockerfile::MountType::kCache:
        add(out_.caches, mount->id.empty() ? mount->target : mount->id, false);
        break;
      case dockerfile::MountType::kBind:
      case dockerfile::MountType::kTmpfs:
        break;
    }
  }

  const dockerfile::ParsedFile& file_;
  const PlanOptions& options_;
  const StageGraph& graph_;
  dockerfile::ExpandOptions expand_options_;
  std::set<std::string> used_;
  std::map<int, Variables> scopes_;
  Outline out_;
};

}  // namespace

Result<Outline> make_outline(const dockerfile::ParsedFile& file, const PlanOptions& options) {
  ASSIGN_OR_RETURN(const StageGraph graph, StageGraph::create(file, options));
  return OutlineMaker(file, options, graph).run();
}

}  // namespace shale::plan
