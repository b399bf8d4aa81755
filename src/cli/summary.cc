// SPDX-License-Identifier: Apache-2.0
#include "cli/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/units.h"

namespace shale::cli {

namespace {

using Row = std::array<std::string, 5>;

std::string counts(int run, int cached) {
  if (run > 0 && cached > 0) return fmt::format("{} run, {} cached", run, cached);
  if (cached > 0) return fmt::format("{} cached", cached);
  return run > 0 ? fmt::format("{} run", run) : "-";
}

std::string time_or_dash(std::chrono::nanoseconds elapsed, int steps_run) {
  return steps_run > 0 ? format_duration(elapsed) : "-";
}

std::string pad(const std::string& text, int width) {
  return std::string(static_cast<std::size_t>(std::max(0, width - display_width(text))), ' ');
}

// Words to the left, numbers to the right.
std::string lay_out(const Row& row, const std::array<int, 5>& widths) {
  std::string line = " ";
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i > 0) line += "   ";
    line += i < 2 ? row[i] + pad(row[i], widths[i]) : pad(row[i], widths[i]) + row[i];
  }
  return line;
}

}  // namespace

std::string render_warning(const Warning& warning, Colors colors) {
  const bool keep = colors == Colors::kKeep;
  std::string out;
  if (warning.span.line > 0) {
    out += fmt::format("{}:{}:", escape_controls(warning.span.file), warning.span.line);
    if (warning.span.column > 0) out += fmt::format("{}:", warning.span.column);
    out += ' ';
  }
  out += fmt::format("{}warning:{} {}", keep ? "\033[1;33m" : "", keep ? "\033[0m" : "",
                     escape_controls(warning.text));
  if (!warning.rule.empty()) out += fmt::format(" [{}]", warning.rule);
  out += '\n';
  out += filter_lines(warning.excerpt, Colors::kStrip);
  if (!out.ends_with('\n')) out += '\n';
  return out;
}

std::string render_summary(const BuildSummary& summary, std::chrono::nanoseconds build_time, Colors colors) {
  const char* dim = colors == Colors::kKeep ? "\033[2m" : "";
  const char* bold = colors == Colors::kKeep ? "\033[1m" : "";
  const char* reset = colors == Colors::kKeep ? "\033[0m" : "";

  std::string out;
  int run = 0;
  int cached = 0;
  std::vector<Row> rows{{"STAGE", "STEPS", "TIME", "SIZE", "LEFT BEHIND"}};
  for (const StageSummary& stage : summary.stages) {
    rows.push_back({escape_controls(stage.name), counts(stage.steps_run, stage.steps_cached),
                    time_or_dash(stage.elapsed, stage.steps_run), format_size(stage.layer_bytes),
                    stage.left_behind_bytes > 0 ? format_size(stage.left_behind_bytes) : "-"});
    run += stage.steps_run;
    cached += stage.steps_cached;
  }
  if (summary.stages.size() > 1) {
    std::array<int, 5> widths{};
    for (const Row& row : rows)
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const bool plain = i > 0 && summary.stages[i - 1].in_result;
      out += fmt::format("{}{}{}\n", plain ? "" : dim, lay_out(rows[i], widths), plain ? "" : reset);
    }
  }
  out += fmt::format(" {}image {}{}, {} left behind{}", bold, format_size(summary.image_bytes), reset,
                     summary.left_behind_bytes > 0 ? format_size(summary.left_behind_bytes) : "nothing",
                     run + cached > 0 ? "; " + counts(run, cached) : ";");
  out += fmt::format(" in {}\n", format_duration(build_time));
  return out;
}

}  // namespace shale::cli
