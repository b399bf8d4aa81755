// SPDX-License-Identifier: Apache-2.0
// shale inspect and history: what is known of an image.
#include <fmt/format.h>

#include <optional>

#include "cli/commands.h"
#include "cli/display_text.h"
#include "cli/image_table.h"
#include "cli/terminal.h"
#include "shale/images.h"
#include "shale/template.h"

namespace shale::cli {

namespace {

// Each line of `text` one level deeper.
std::string indented(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += fmt::format("  {}{}", text.substr(0, end), end < text.size() ? "\n" : "");
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

Result<std::string> described(const CommandLine& line, const std::string& name) {
  ASSIGN_OR_RETURN(std::string image, describe_image(line.value("root"), name));
  const std::string format = line.value("format");
  if (format.empty() || format == "json") return image;
  ASSIGN_OR_RETURN(const std::string text, fill_template(format, image));
  return filter_lines(text, Colors::kStrip) + '\n';
}

}  // namespace

Status inspect_command(const CommandLine& line) {
  if (const std::string type = line.value("type"); !type.empty() && type != "image")
    return fail(Error(ErrorKind::kUsage, fmt::format("there is no type '{}' to inspect", type))
                    .hint("the store holds images only"));
  const std::string format = line.value("format");
  const bool list = format.empty() || format == "json";
  std::string out;
  std::optional<Error> errors;
  for (const std::string& name : line.arguments) {
    Result<std::string> text = described(line, name);
    if (!text) {
      // The others are still shown.
      collect(errors, std::move(text.error()));
      continue;
    }
    if (list && !out.empty()) out += ",\n";
    out += list ? indented(*text) : *text;
  }
  if (list) out = out.empty() ? "[]\n" : fmt::format("[\n{}\n]\n", out);
  RETURN_IF_ERROR(write_stdout(out));
  if (errors) return fail(std::move(*errors));
  return {};
}

Status history_command(const CommandLine& line) {
  const bool human = !line.has("human") || line.flag("human");
  ASSIGN_OR_RETURN(const std::vector<HistoryStep> steps,
                   image_history(line.value("root"), line.arguments[0]));
  ASSIGN_OR_RETURN(const std::string text, render_history(steps, {.format = line.value("format"),
                                                                  .ids_only = line.flag("quiet"),
                                                                  .whole = line.flag("no-trunc"),
                                                                  .exact = !human,
                                                                  .now = std::chrono::system_clock::now()}));
  return write_stdout(text);
}

}  // namespace shale::cli
