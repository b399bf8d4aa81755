// SPDX-License-Identifier: Apache-2.0
#include "cli/call_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "cli/columns.h"
#include "cli/display_text.h"

namespace shale::cli {

namespace {

using Row = std::vector<std::string>;

// The marked lines and a few around them, in BuildKit's frame.
std::string framed_excerpt(const SourceText& source, const SourceSpan& span) {
  std::vector<std::string_view> lines;
  const std::string_view text = source.text;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  const int count = static_cast<int>(lines.size());
  const int first = span.line;
  const int last = std::min(std::max(span.line, span.end_line), count);
  if (first < 1 || first > count) return {};
  // Two lines around several, four around one, shared by both sides.
  const int wanted = first == last ? 4 : 2;
  int from = first;
  int to = last;
  for (int added = 0; added < wanted; ++added) {
    if (from > 1) {
      --from;
      ++added;
    }
    if (to < count) {
      ++to;
      ++added;
    }
  }
  constexpr std::string_view kRule = "--------------------\n";
  std::string out = fmt::format("{}:{}\n{}", escape_controls(source.name), first, kRule);
  for (int i = from; i <= to; ++i) {
    std::string_view line = lines[static_cast<std::size_t>(i - 1)];
    if (line.ends_with('\r')) line.remove_suffix(1);
    out += fmt::format(" {:3} | {} {}\n", i, i >= first && i <= last ? ">>>" : "   ",
                       filter_output(line, Colors::kStrip));
  }
  return out + std::string(kRule);
}

std::string count_text(std::size_t warnings) {
  if (warnings == 0) return "no warnings found.";
  return warnings == 1 ? "1 warning has been found!" : fmt::format("{} warnings have been found!", warnings);
}

void add_mounts(std::string& out, const char* title, const std::vector<OutlineMount>& mounts) {
  if (mounts.empty()) return;
  std::vector<Row> rows{{title, "REQUIRED"}};
  for (const OutlineMount& mount : mounts)
    rows.push_back({escape_controls(mount.id), mount.required ? "true" : ""});
  out += in_columns(rows) + '\n';
}

}  // namespace

std::string render_check(const CheckReport& report) {
  if (report.warnings.empty() && report.error) return {};
  std::string out = fmt::format("Check complete, {}\n", count_text(report.warnings.size()));
  for (const Warning& warning : report.warnings) {
    out += fmt::format("\nWARNING: {} - {}\n{}\n", warning.rule, warning.url, escape_controls(warning.text));
    out += framed_excerpt(report.source, warning.span);
  }
  return out;
}

std::string render_outline(const Outline& outline) {
  std::string out;
  if (!outline.name.empty() || !outline.description.empty()) {
    std::vector<Row> rows{{"TARGET:", outline.name.empty() ? "(default)" : escape_controls(outline.name)}};
    if (!outline.description.empty()) rows.push_back({"DESCRIPTION:", escape_controls(outline.description)});
    out += in_columns(rows) + '\n';
  }
  if (!outline.arguments.empty()) {
    std::vector<Row> rows{{"BUILD ARG", "VALUE", "DESCRIPTION"}};
    for (const OutlineArgument& argument : outline.arguments)
      rows.push_back({escape_controls(argument.name), escape_controls(argument.value),
                      escape_controls(argument.description)});
    out += in_columns(rows) + '\n';
  }
  add_mounts(out, "SECRET", outline.secrets);
  add_mounts(out, "SSH", outline.ssh);
  return out;
}

std::string render_targets(const TargetList& list) {
  std::vector<Row> rows{{"TARGET", "DESCRIPTION"}};
  for (const TargetInfo& target : list.targets) {
    std::string name = escape_controls(target.name);
    if (target.is_default) name += name.empty() ? "(default)" : " (default)";
    rows.push_back({std::move(name), escape_controls(target.description)});
  }
  return in_columns(rows);
}

}  // namespace shale::cli
