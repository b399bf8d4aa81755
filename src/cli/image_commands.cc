// SPDX-License-Identifier: Apache-2.0
// shale images, rmi and tag: what needs nothing but the store.
#include <fmt/format.h>

#include <optional>

#include "cli/commands.h"
#include "cli/display_text.h"
#include "cli/image_table.h"
#include "cli/terminal.h"
#include "shale/images.h"

namespace shale::cli {

Status images_command(const CommandLine& line) {
  ImageListStyle style{.whole_ids = line.flag("no-trunc"), .now = std::chrono::system_clock::now()};
  if (const std::string format = line.value("format"); format == "json")
    style.form = ImageListStyle::Form::kJson;
  else if (!format.empty() && format != "table")
    return fail(Error(ErrorKind::kUsage, fmt::format("unknown format '{}'", format))
                    .hint("--format takes table or json"));
  if (line.flag("quiet")) style.form = ImageListStyle::Form::kIds;
  ASSIGN_OR_RETURN(std::vector<ImageSummary> images, list_images(line.value("root")));
  if (!line.arguments.empty()) images = matching_images(std::move(images), line.arguments[0]);
  return write_stdout(render_images(images, style));
}

Status rmi_command(const CommandLine& line) {
  std::optional<Error> first;
  for (const std::string& name : line.arguments) {
    Result<std::vector<std::string>> removed = remove_image(line.value("root"), name, line.flag("force"));
    if (!removed) {
      // The others are still removed.
      if (first)
        first->add_other(std::move(removed.error()));
      else
        first = std::move(removed.error());
      continue;
    }
    for (const std::string& text : *removed) RETURN_IF_ERROR(write_stdout(escape_controls(text) + '\n'));
  }
  if (first) return fail(std::move(*first));
  return {};
}

Status tag_command(const CommandLine& line) {
  return tag_image(line.value("root"), line.arguments[0], line.arguments[1]);
}

}  // namespace shale::cli
