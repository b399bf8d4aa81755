// SPDX-License-Identifier: Apache-2.0
#include "dockerfile/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "dockerfile/mistakes.h"
#include "dockerfile/runes.h"
#include "dockerfile/source.h"

namespace shale::dockerfile {

namespace {

// Places of errors in the order of the file, those of a whole file last.
bool comes_before(const Error& a, const Error& b) {
  const auto line = [](const Error& error) { return error.span() != nullptr ? error.span()->line : 0; };
  return line(a) != 0 && (line(b) == 0 || line(a) < line(b));
}

std::string stage_description(const Node& node, const std::string& stage_name) {
  if (stage_name.empty()) return {};
  for (const std::string& line : node.comments) {
    if (line.starts_with(stage_name + " ")) return line.substr(stage_name.size() + 1);
  }
  return {};
}

// Sorts typed instructions into global ARGs and stages.
class FileBuilder {
 public:
  FileBuilder(std::string_view text, std::string file_name, SyntaxOutcome syntax)
      : errors_(std::move(syntax.errors)) {
    file_.file_name = std::move(file_name);
    file_.text = text;
    file_.directives = syntax.tree.directives;
    file_.tree = std::move(syntax.tree);
    file_.lines = LineIndex(file_.text);
  }

  ParseOutcome run() {
    for (const Node& node : file_.tree.nodes) {
      if (errors_.size() >= kMaxReportedErrors) break;
      take(node);
    }
    if (!seen_from_ && errors_.empty()) {
      add_error(Error(ErrorKind::kDockerfile, "dockerfile contains no stages to build")
                    .at({.file = file_.file_name})
                    .hint("a Dockerfile needs a FROM, as in 'FROM debian:12' or 'FROM scratch'"));
    }
    std::ranges::stable_sort(errors_, comes_before);
    ParseOutcome outcome;
    for (Error& error : errors_) {
      add_character_hint(error);
      collect(outcome.error, std::move(error));
    }
    outcome.file = std::move(file_);
    return outcome;
  }

 private:
  void take(const Node& node) {
    if (node.keyword == "from") seen_from_ = true;
    if (node.broken) return;
    auto instruction = parse_instruction(node, file_.text);
    if (!instruction) {
      add_error(instruction.error());
      return;
    }
    if (auto* from = std::get_if<From>(&instruction->body)) {
      Stage stage{.from = *from, .from_instruction = *instruction};
      stage.description = stage_description(node, from->stage_name);
      file_.stages.push_back(std::move(stage));
      return;
    }
    if (!seen_from_) {
      if (std::holds_alternative<Arg>(instruction->body)) {
        file_.global_args.push_back(std::move(*instruction));
      } else if (!std::exchange(reported_no_stage_, true)) {
        add_error(file_.error(node.span, "no build stage in current context", node.keyword_text)
                      .hint("only ARG may stand before the first FROM"));
      }
      return;
    }
    // Behind a FROM that could not be read there may be no stage: its instructions are only checked.
    if (!file_.stages.empty()) file_.stages.back().instructions.push_back(std::move(*instruction));
  }

  // What looks like quotes and blanks but is none explains most errors of the line it is in.
  void add_character_hint(Error& error) const {
    if (error.span() == nullptr || error.span()->line < 1) return;
    const std::size_t start = file_.lines.offset(error.span()->line);
    if (start == std::string::npos) return;
    const std::size_t end = std::min(file_.text.find('\n', start), file_.text.size());
    if (std::string hint = hint_about_characters(std::string_view(file_.text).substr(start, end - start));
        !hint.empty() && std::ranges::find(error.hints(), hint) == error.hints().end())
      error.add_hint(std::move(hint));
  }

  // The error, and those inside it beside it.
  void add_error(const Error& error) {
    std::vector<Error> all = {error};
    all.insert(all.end(), error.others().begin(), error.others().end());
    if (all.size() > 1) {
      Error alone(error.kind(), error.message());
      if (error.span() != nullptr) alone.set_span(*error.span());
      for (const std::string& hint : error.hints()) alone.add_hint(hint);
      all.front() = std::move(alone).with_excerpt(error.excerpt());
    }
    for (Error& one : all) errors_.push_back(std::move(one));
  }

  ParsedFile file_;
  std::vector<Error> errors_;
  bool seen_from_ = false;
  bool reported_no_stage_ = false;
};

}  // namespace

const Stage* ParsedFile::find_stage(std::string_view name) const {
  const std::string lower = to_lower(name);
  for (auto stage = stages.rbegin(); stage != stages.rend(); ++stage) {
    if (!stage->from.stage_name.empty() && stage->from.stage_name == lower) return &*stage;
  }
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool is_number = error == std::errc() && end == name.data() + name.size();
  return is_number && number < stages.size() ? &stages[number] : nullptr;
}

Error ParsedFile::error(const SourceSpan& span, std::string message, std::string_view word) const {
  const SourceSpan place = locate(text, lines, span, word);
  return Error(ErrorKind::kDockerfile, std::move(message))
      .at(place)
      .with_excerpt(excerpt(text, lines, place));
}

ParseOutcome parse_dockerfile_all(std::string_view text, std::string file_name) {
  if (looks_like_utf16(text)) {
    // Every line would be an error; one says it.
    ParseOutcome outcome;
    outcome.error = Error(ErrorKind::kDockerfile, "the file is UTF-16, not UTF-8")
                        .at({.file = file_name})
                        .hint("save it as UTF-8; in PowerShell: Out-File -Encoding utf8");
    outcome.file.file_name = std::move(file_name);
    return outcome;
  }
  SyntaxOutcome syntax = parse_syntax(text, file_name);
  return FileBuilder(text, std::move(file_name), std::move(syntax)).run();
}

Result<ParsedFile> parse_dockerfile(std::string_view text, std::string file_name) {
  ParseOutcome outcome = parse_dockerfile_all(text, std::move(file_name));
  if (outcome.error) return fail(std::move(*outcome.error));
  return std::move(outcome.file);
}

}  // namespace shale::dockerfile
