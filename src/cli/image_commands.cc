// SPDX-License-Identifier: Apache-2.0
// shale images, rmi, tag and prune: what needs nothing but the store.
#include <fmt/format.h>

#include <optional>

#include "cli/commands.h"
#include "cli/display_text.h"
#include "cli/image_filter.h"
#include "cli/image_table.h"
#include "cli/terminal.h"
#include "cli/units.h"
#include "shale/images.h"
#include "shale/prune.h"

namespace shale::cli {

Status images_command(const CommandLine& line) {
  const ListStyle style{.format = line.value("format"),
                        .ids_only = line.flag("quiet"),
                        .whole = line.flag("no-trunc"),
                        .digests = line.flag("digests"),
                        .now = std::chrono::system_clock::now()};
  ASSIGN_OR_RETURN(std::vector<ImageSummary> images, list_images(line.value("root")));
  ASSIGN_OR_RETURN(images, filter_images(std::move(images), line.list("filter"), style.now));
  if (!line.arguments.empty()) images = matching_images(std::move(images), line.arguments[0]);
  ASSIGN_OR_RETURN(const std::string text, render_images(images, style));
  return write_stdout(text);
}

Status rmi_command(const CommandLine& line) {
  std::optional<Error> errors;
  for (const std::string& name : line.arguments) {
    Result<RemovedImage> removed = remove_image(line.value("root"), name, line.flag("force"));
    if (!removed) {
      // As docker: by force, what is not there is as good as removed.
      if (line.flag("force") && removed.error().kind() == ErrorKind::kNotFound) {
        write_stderr(fmt::format("note: {}\n", escape_controls(removed.error().message())));
        continue;
      }
      // The others are still removed.
      collect(errors, std::move(removed.error()));
      continue;
    }
    for (const std::string& text : removed->lines)
      RETURN_IF_ERROR(write_stdout(escape_controls(text) + '\n'));
    if (!removed->warning.empty())
      write_stderr(fmt::format("warning: {}\n", escape_controls(removed->warning)));
  }
  if (errors) return fail(std::move(*errors));
  return {};
}

Status prune_command(const CommandLine& line) {
  std::chrono::seconds unused_for{0};
  for (const std::string& filter : line.list("filter")) {
    constexpr std::string_view kUntil = "until=";
    if (!filter.starts_with(kUntil))
      return fail(Error(ErrorKind::kUsage, fmt::format("unknown filter '{}'", filter))
                      .hint("for example --filter until=24h"));
    ASSIGN_OR_RETURN(unused_for, parse_age(std::string_view(filter).substr(kUntil.size())));
  }
  ASSIGN_OR_RETURN(const PruneReport report, prune_store(line.value("root"), unused_for));
  std::string out;
  const auto add = [&](std::string_view what, std::uint64_t count) {
    if (count > 0) out += fmt::format("Removed {}: {}\n", what, count);
  };
  add("cache records", report.cache_records);
  add("images without a name", report.images);
  add("cache mounts", report.cache_mounts);
  return write_stdout(out + fmt::format("Total reclaimed space: {}\n", format_size(report.bytes)));
}

Status tag_command(const CommandLine& line) {
  return tag_image(line.value("root"), line.arguments[0], line.arguments[1]);
}

}  // namespace shale::cli
