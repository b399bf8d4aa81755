// SPDX-License-Identifier: Apache-2.0
#include "plan/early_check.h"

#include <functional>

#include "dockerfile/chmod.h"
#include "dockerfile/expand.h"
#include "dockerfile/mount.h"
#include "dockerfile/values.h"

namespace shale::plan {

namespace {

using dockerfile::Instruction;

bool has_variable(std::string_view word) { return word.find('$') != std::string_view::npos; }
// A word that expansion leaves as it is, whatever the escape character.
bool is_literal(std::string_view word) { return word.find_first_of("$\"'\\`") == std::string_view::npos; }

class EarlyCheck {
 public:
  explicit EarlyCheck(const dockerfile::ParsedFile& file) : file_(file) {
    options_.escape = file.directives.escape;
  }

  std::vector<Error> run(const dockerfile::Stage& stage) {
    for (const Instruction& instruction : stage.instructions) {
      for (const std::string& word : words_of(instruction)) check_word(instruction, word);
      if (const auto* run = std::get_if<dockerfile::Run>(&instruction.body))
        for (const dockerfile::MountText& mount : run->mounts) check_mount(instruction, mount);
      if (const auto* signal = std::get_if<dockerfile::StopSignal>(&instruction.body);
          signal != nullptr && is_literal(signal->signal))
        if (const Result<int> number = dockerfile::parse_signal(signal->signal); !number)
          add(instruction, number.error(), signal->signal);
      if (const auto* expose = std::get_if<dockerfile::Expose>(&instruction.body))
        for (const std::string& port : expose->ports)
          if (is_literal(port))
            if (const auto ports = dockerfile::parse_ports({port}); !ports)
              add(instruction, ports.error(), port);
      if (const dockerfile::Copy* copy = copy_of(instruction); copy != nullptr && is_literal(copy->chmod))
        if (const auto mode = dockerfile::Chmod::parse(copy->chmod); !copy->chmod.empty() && !mode)
          add(instruction, mode.error(), copy->chmod);
    }
    return std::move(errors_);
  }

 private:
  static const dockerfile::Copy* copy_of(const Instruction& instruction) {
    if (const auto* copy = std::get_if<dockerfile::Copy>(&instruction.body)) return copy;
    return std::get_if<dockerfile::Add>(&instruction.body);
  }

  // What the planner will expand with the stage's variables.
  static std::vector<std::string> words_of(const Instruction& instruction) {
    std::vector<std::string> out;
    const auto add_pairs = [&](const std::vector<dockerfile::KeyValue>& items) {
      for (const dockerfile::KeyValue& item : items) {
        out.push_back(item.key);
        out.push_back(item.value);
      }
    };
    if (const auto* env = std::get_if<dockerfile::Env>(&instruction.body)) add_pairs(env->items);
    if (const auto* label = std::get_if<dockerfile::Label>(&instruction.body)) add_pairs(label->items);
    if (const auto* workdir = std::get_if<dockerfile::Workdir>(&instruction.body))
      out.push_back(workdir->path);
    if (const auto* user = std::get_if<dockerfile::User>(&instruction.body)) out.push_back(user->user);
    if (const auto* volume = std::get_if<dockerfile::Volume>(&instruction.body)) out = volume->paths;
    if (const dockerfile::Copy* copy = copy_of(instruction)) {
      out = copy->sources;
      out.insert(out.end(), {copy->destination, copy->chown, copy->chmod});
    }
    return out;
  }

  void check_word(const Instruction& instruction, const std::string& word) {
    // Every variable is set, so that "${A:?…}" is content; what is left is syntax.
    const dockerfile::Lookup anything = [](std::string_view) { return std::optional<std::string_view>("x"); };
    if (const auto expanded = dockerfile::expand_word(word, anything, options_); !expanded)
      add(instruction, expanded.error(), word);
  }

  void check_mount(const Instruction& instruction, const dockerfile::MountText& mount) {
    if (has_variable(mount.text)) return;
    const auto as_written = [](std::string_view word) -> Result<std::string> { return std::string(word); };
    if (const auto resolved = dockerfile::resolve_mount(mount.text, as_written); !resolved)
      add(instruction, resolved.error(), mount.text);
  }

  void add(const Instruction& instruction, const Error& error, std::string_view word) {
    Error placed = file_.error(instruction.span, error.message(), word);
    for (const std::string& hint : error.hints()) placed.add_hint(hint);
    errors_.push_back(std::move(placed));
  }

  const dockerfile::ParsedFile& file_;
  dockerfile::ExpandOptions options_;
  std::vector<Error> errors_;
};

}  // namespace

std::vector<Error> check_early(const dockerfile::ParsedFile& file, const dockerfile::Stage& stage) {
  return EarlyCheck(file).run(stage);
}

}  // namespace shale::plan
