// SPDX-License-Identifier: Apache-2.0
#include "cli/image_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "cli/display_text.h"
#include "cli/listing.h"
#include "cli/units.h"

namespace shale::cli {

namespace {

using TimePoint = std::chrono::system_clock::time_point;

std::string id_text(const Digest& id, const ListStyle& style) {
  return style.whole ? id.to_string() : id.short_hex();
}

std::string age_text(TimePoint time, const ListStyle& style) {
  return format_age(std::chrono::duration_cast<std::chrono::seconds>(style.now - time));
}

// In UTC, so that the output does not depend on where it is made.
struct tm parts_of(TimePoint time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  struct tm parts{};
  gmtime_r(&seconds, &parts);
  return parts;
}

std::string date_text(TimePoint time, const char* form) {
  const struct tm parts = parts_of(time);
  return fmt::format(fmt::runtime(form), parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                     parts.tm_min, parts.tm_sec);
}

std::string image_row(const ImageSummary& image, const ListStyle& style) {
  return fmt::format(
      "{{\"CreatedAt\":{},\"CreatedSince\":{},\"Digest\":{},\"ID\":{},\"Repository\":{},\"Size\":{},"
      "\"SizeBytes\":{},\"Tag\":{}}}",
      json_quote(date_text(image.created, "{:04}-{:02}-{:02} {:02}:{:02}:{:02} +0000 UTC")),
      json_quote(age_text(image.created, style)),
      json_quote(image.digest.empty() ? "<none>" : image.digest.to_string()),
      json_quote(id_text(image.id, style)), json_quote(image.repository),
      json_quote(format_size(image.size_bytes)), image.size_bytes, json_quote(image.tag));
}

std::string ids(std::span<const ImageSummary> images, const ListStyle& style) {
  std::string out;
  std::vector<Digest> seen;
  for (const ImageSummary& image : images) {
    if (std::ranges::find(seen, image.id) != seen.end()) continue;
    seen.push_back(image.id);
    out += id_text(image.id, style) + '\n';
  }
  return out;
}

std::string instruction_text(std::string text, const ListStyle& style) {
  std::ranges::replace(text, '\t', ' ');
  constexpr int kWidth = 45;  // docker's
  return style.whole ? text : fit(text, kWidth);
}

std::string history_row(const HistoryStep& step, const ListStyle& style) {
  const std::string created =
      !step.created ? "N/A" : date_text(*step.created, "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z");
  return fmt::format(
      "{{\"Comment\":{},\"CreatedAt\":{},\"CreatedBy\":{},\"CreatedSince\":{},\"ID\":{},\"Size\":{}}}",
      json_quote(step.comment), json_quote(created), json_quote(instruction_text(step.created_by, style)),
      json_quote(style.exact || !step.created ? created : age_text(*step.created, style)),
      json_quote(step.image.empty() ? "<missing>" : id_text(step.image, style)),
      json_quote(style.exact ? fmt::format("{}", step.size_bytes) : format_size(step.size_bytes)));
}

}  // namespace

Result<std::string> render_images(std::span<const ImageSummary> images, const ListStyle& style) {
  if (style.ids_only) return ids(images, style);
  Listing listing{
      .columns = fmt::format(
          "{{{{.Repository}}}}\t{{{{.Tag}}}}\t{}{{{{.ID}}}}\t{{{{.CreatedSince}}}}\t{{{{.Size}}}}",
          style.digests ? "{{.Digest}}\t" : ""),
      .headings = R"({"CreatedAt":"CREATED AT","CreatedSince":"CREATED","Digest":"DIGEST","ID":"IMAGE ID",)"
                  R"("Repository":"REPOSITORY","Size":"SIZE","SizeBytes":"BYTES","Tag":"TAG"})"};
  for (const ImageSummary& image : images) listing.rows.push_back(image_row(image, style));
  return render_listing(listing, style.format);
}

Result<std::string> render_history(std::span<const HistoryStep> steps, const ListStyle& style) {
  Listing listing{
      .columns = "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
      .headings = fmt::format(R"({{"Comment":"COMMENT","CreatedAt":"CREATED AT","CreatedBy":"CREATED BY",)"
                              R"("CreatedSince":"{}","ID":"IMAGE","Size":"SIZE"}})",
                              style.exact ? "CREATED AT" : "CREATED")};
  for (const HistoryStep& step : steps) listing.rows.push_back(history_row(step, style));
  return render_listing(listing, style.ids_only ? "{{.ID}}" : style.format);
}

}  // namespace shale::cli
