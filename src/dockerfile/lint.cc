// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/lint.h"

#include <algorithm>
#include <array>
#include <map>

#include "dockerfile/runes.h"
#include "dockerfile/source.h"
#include "dockerfile/values.h"

namespace shale::dockerfile {

namespace {

// Nobody reads more, and each carries its excerpt.
constexpr std::size_t kMaxWarnings = 1000;

bool is_lower(std::string_view text) { return to_lower(text) == text; }
bool is_upper(std::string_view text) { return to_upper(text) == text; }

// A name like AWS_SECRET_KEY, judged by its parts between '_'.
bool looks_secret(std::string_view name) {
  static constexpr std::array<std::string_view, 10> kSecretWords = {
      "apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token"};
  static constexpr std::array<std::string_view, 3> kHarmlessWords = {"public", "file", "version"};
  const std::string lower = to_lower(name);
  bool secret = false;
  for (std::size_t start = 0; start <= lower.size();) {
    const std::size_t end = std::min(lower.find('_', start), lower.size());
    const std::string_view part = std::string_view(lower).substr(start, end - start);
    if (std::ranges::find(kHarmlessWords, part) != kHarmlessWords.end()) return false;
    secret = secret || std::ranges::find(kSecretWords, part) != kSecretWords.end();
    start = end + 1;
  }
  return secret;
}

// Goes through the file once and collects what the rules say.
class Linter {
 public:
  Linter(const ParsedFile& file, const LintConfig& config, const std::set<std::size_t>* needed)
      : file_(file), config_(config), needed_(needed) {}

  std::vector<Warning> run() {
    check_keyword_casing();
    for (const Node& node : file_.tree.nodes) {
      if (node.after_empty_continuation) {
        warn("NoEmptyContinuation", {.file = node.span.file, .line = node.span.end_line}, node.comments, {});
      }
    }
    for (const Instruction& instruction : file_.global_args) check_instruction(instruction);
    for (const Node& node : file_.tree.nodes) {
      if (node.keyword == "maintainer") {
        warn("MaintainerDeprecated", locate(file_.text, file_.lines, node.span, node.keyword_text),
             node.comments, {});
      }
    }
    for (std::size_t i = 0; i < file_.stages.size(); ++i) {
      check_from(file_.stages[i]);
      check_instructions(file_.stages[i], needed_ == nullptr || needed_->contains(i));
    }
    std::ranges::stable_sort(warnings_, {}, [](const Warning& warning) { return warning.span.line; });
    return std::move(warnings_);
  }

 private:
  void warn(std::string_view rule, const SourceSpan& span, const std::vector<std::string>& comments,
            const std::vector<std::string>& arguments) {
    if (warnings_.size() >= kMaxWarnings) return;
    const LintRule* known = find_lint_rule(rule);
    if (known == nullptr || !config_.with_comments(comments).wants(*known)) return;
    warnings_.push_back(make_warning(file_, rule, span, arguments));
  }
  void warn(std::string_view rule, const Instruction& instruction, std::string_view word,
            const std::vector<std::string>& arguments) {
    warn(rule, locate(file_.text, file_.lines, instruction.span, word), instruction.comments, arguments);
  }

  void check_keyword_casing() {
    int lower = 0;
    int upper = 0;
    const auto is_known = [](const Node& node) {
      return std::ranges::find(instruction_names(), to_upper(node.keyword)) != instruction_names().end();
    };
    for (const Node& node : file_.tree.nodes) {
      if (is_lower(node.keyword_text) && is_known(node)) ++lower;
      if (is_upper(node.keyword_text) && is_known(node)) ++upper;
    }
    const bool to_lower_case = lower > upper;
    for (const Node& node : file_.tree.nodes) {
      const bool right = to_lower_case ? is_lower(node.keyword_text) : is_upper(node.keyword_text);
      if (right || !is_known(node)) continue;
      warn("ConsistentInstructionCasing", locate(file_.text, file_.lines, node.span, node.keyword_text),
           node.comments, {node.keyword_text, to_lower_case ? "lowercase" : "uppercase"});
    }
  }

  void check_from(const Stage& stage) {
    const Instruction& from = stage.from_instruction;
    if (!is_lower(stage.from.stage_name_text)) {
      warn("StageNameCasing", from, stage.from.stage_name_text, {stage.from.stage_name_text});
    }
    // Only clear contrasts count; a mixed "As" is a matter of the rule on instructions.
    const bool mismatch = (is_lower(from.keyword_text) && !is_lower(stage.from.as_text)) ||
                          (is_upper(from.keyword_text) && !is_upper(stage.from.as_text));
    if (!stage.from.as_text.empty() && mismatch) {
      warn("FromAsCasing", from, stage.from.as_text, {stage.from.as_text, from.keyword_text});
    }
    if (stage.from.stage_name == "scratch" || stage.from.stage_name == "context") {
      warn("ReservedStageName", from, stage.from.stage_name_text, {stage.from.stage_name});
    }
    if (!stage.from.stage_name.empty() && !stage_names_.insert(stage.from.stage_name).second) {
      warn("DuplicateStageName", from, stage.from.stage_name_text, {stage.from.stage_name});
    }
    if (!stage.from.stage_name.empty()) check_description(from, {stage.from.stage_name});
    check_platform(stage);
  }

  // What a stage hands on to the stages built from it.
  struct Inherited {
    bool has_shell = false;
    bool absolute_workdir = false;
  };

  void check_instructions(const Stage& stage, bool needed) {
    const auto parent = inherited_.find(to_lower(stage.from.base));
    Inherited state = parent == inherited_.end() ? Inherited{} : parent->second;
    std::map<std::string, const Instruction*> last;
    for (const Instruction& instruction : stage.instructions) {
      if (const auto* shell = std::get_if<Shell>(&instruction.body); shell != nullptr) state.has_shell = true;
      const auto* workdir = std::get_if<Workdir>(&instruction.body);
      if (needed) {
        if (workdir != nullptr && !state.absolute_workdir) check_workdir(instruction, *workdir);
        check_only_once(instruction, last);
        if (!state.has_shell) check_json_form(instruction);
        check_instruction(instruction);
      }
      if (workdir != nullptr)
        state.absolute_workdir = state.absolute_workdir || may_be_absolute(workdir->path);
    }
    if (!stage.from.stage_name.empty()) inherited_[stage.from.stage_name] = state;
  }

  void check_platform(const Stage& stage) {
    const std::string& platform = stage.from.platform;
    if (platform == "$TARGETPLATFORM" || platform == "${TARGETPLATFORM}") {
      warn("RedundantTargetPlatform", stage.from_instruction, platform, {platform});
    }
    // A stage named after what it is built for is meant that way.
    const std::string& name = stage.from.stage_name;
    const std::size_t slash = platform.find('/');
    if (platform.empty() || platform.find('$') != std::string::npos) return;
    const std::string os = platform.substr(0, slash);
    const std::string architecture = slash == std::string::npos ? "" : platform.substr(slash + 1);
    const bool named_after = name.find(os) != std::string::npos ||
                             (!architecture.empty() && name.find(architecture) != std::string::npos);
    if (!name.empty() && named_after) return;
    warn("FromPlatformFlagConstDisallowed", stage.from_instruction, platform, {platform});
  }

  // A variable's value is not known here.
  static bool may_be_absolute(std::string_view path) {
    return path.starts_with('/') || path.starts_with('$');
  }

  void check_workdir(const Instruction& instruction, const Workdir& workdir) {
    if (!may_be_absolute(workdir.path))
      warn("WorkdirRelativePath", instruction, workdir.path, {workdir.path});
  }

  void check_only_once(const Instruction& instruction, std::map<std::string, const Instruction*>& last) {
    const bool single = std::holds_alternative<Cmd>(instruction.body) ||
                        std::holds_alternative<Entrypoint>(instruction.body) ||
                        std::holds_alternative<HealthcheckCommand>(instruction.body);
    if (!single) return;
    // The warning stands at the one that is overridden.
    const Instruction*& before = last[instruction.keyword];
    if (before != nullptr) {
      warn("MultipleInstructionsDisallowed", *before, before->keyword_text, {before->keyword});
    }
    before = &instruction;
  }

  void check_json_form(const Instruction& instruction) {
    const auto* cmd = std::get_if<Cmd>(&instruction.body);
    const auto* entrypoint = std::get_if<Entrypoint>(&instruction.body);
    if (cmd == nullptr && entrypoint == nullptr) return;
    const CommandLine& command = cmd != nullptr ? cmd->command : entrypoint->command;
    if (!command.shell_form || command.arguments.empty()) return;
    warn("JSONArgsRecommended", instruction, instruction.keyword_text, {instruction.keyword});
  }

  void check_instruction(const Instruction& instruction) {
    if (const auto* arg = std::get_if<Arg>(&instruction.body)) {
      for (const ArgItem& item : arg->items) {
        if (looks_secret(item.name))
          warn("SecretsUsedInArgOrEnv", instruction, item.name, {"ARG", item.name});
      }
      std::vector<std::string> names;
      for (const ArgItem& item : arg->items) names.push_back(item.name);
      check_description(instruction, names);
    } else if (const auto* env = std::get_if<Env>(&instruction.body)) {
      check_pairs(instruction, env->items);
      for (const KeyValue& item : env->items) {
        if (looks_secret(item.key)) warn("SecretsUsedInArgOrEnv", instruction, item.key, {"ENV", item.key});
      }
    } else if (const auto* label = std::get_if<Label>(&instruction.body)) {
      check_pairs(instruction, label->items);
    } else if (const auto* expose = std::get_if<Expose>(&instruction.body)) {
      check_ports(instruction, *expose);
    }
  }

  void check_pairs(const Instruction& instruction, const std::vector<KeyValue>& items) {
    if (items.empty() || !items.front().legacy) return;
    warn("LegacyKeyValueFormat", instruction, items.front().key, {instruction.keyword});
  }

  void check_ports(const Instruction& instruction, const Expose& expose) {
    for (const std::string& word : expose.ports) {
      if (word.find('$') != std::string::npos) continue;  // not a port yet
      const PortWord port = split_port(word);
      if (!port.ip.empty() || !port.host_port.empty()) warn("ExposeInvalidFormat", instruction, word, {word});
      if (!is_lower(port.protocol)) warn("ExposeProtoCasing", instruction, word, {word});
    }
  }

  // A comment directly above that describes none of `names` and is no option either.
  void check_description(const Instruction& instruction, const std::vector<std::string>& names) {
    if (instruction.comments.empty()) return;
    const std::string_view comment = instruction.comments.back();
    const std::string_view first_word = comment.substr(0, comment.find_first_of(" ="));
    static constexpr std::array<std::string_view, 3> kOptions = {"check", "escape", "syntax"};
    const bool option = std::ranges::find(kOptions, first_word) != kOptions.end();
    if (comment.empty() || option || std::ranges::find(names, first_word) != names.end()) return;
    warn("InvalidDefinitionDescription", instruction, instruction.keyword_text,
         {instruction.keyword, names.size() == 1 ? names.front() : "<arg_key>"});
  }

  const ParsedFile& file_;
  const LintConfig& config_;
  const std::set<std::size_t>* needed_;
  std::set<std::string> stage_names_;
  std::map<std::string, Inherited> inherited_;
  std::vector<Warning> warnings_;
};

}  // namespace

std::vector<Warning> lint(const ParsedFile& file, const LintConfig& config,
                          const std::set<std::size_t>* needed) {
  return Linter(file, config, needed).run();
}

}  // namespace shale::dockerfile
