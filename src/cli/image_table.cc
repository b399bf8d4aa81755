// SPDX-License-Identifier: Apache-2.0
#include "cli/image_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "cli/display_text.h"
#include "cli/units.h"

namespace shale::cli {

namespace {

std::string id_text(const ImageSummary& image, const ImageListStyle& style) {
  return style.whole_ids ? image.id.to_string() : image.id.short_hex();
}

std::string age_text(const ImageSummary& image, const ImageListStyle& style) {
  return format_age(std::chrono::duration_cast<std::chrono::seconds>(style.now - image.created));
}

// In docker's form, and in UTC, so that the output does not depend on where it is made.
std::string date_text(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  struct tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} +0000 UTC", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string json_line(const ImageSummary& image, const ImageListStyle& style) {
  return fmt::format(
      "{{\"CreatedAt\":{},\"CreatedSince\":{},\"ID\":{},\"Repository\":{},\"Size\":{},\"SizeBytes\":{},"
      "\"Tag\":{}}}\n",
      json_quote(date_text(image.created)), json_quote(age_text(image, style)),
      json_quote(id_text(image, style)), json_quote(image.repository),
      json_quote(format_size(image.size_bytes)), image.size_bytes, json_quote(image.tag));
}

std::string table(std::span<const ImageSummary> images, const ImageListStyle& style) {
  using Row = std::array<std::string, 5>;
  std::vector<Row> rows{{"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"}};
  for (const ImageSummary& image : images)
    rows.push_back({escape_controls(image.repository), escape_controls(image.tag), id_text(image, style),
                    age_text(image, style), format_size(image.size_bytes)});
  std::array<std::size_t, 5> widths{};
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string out;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) out += fmt::format("{:<{}}", row[i], widths[i] + 3);
    out += row.back() + '\n';
  }
  return out;
}

}  // namespace

std::vector<ImageSummary> matching_images(std::vector<ImageSummary> images, std::string_view name) {
  if (name.empty()) return images;
  std::erase_if(images, [&](const ImageSummary& image) {
    return image.repository != name && fmt::format("{}:{}", image.repository, image.tag) != name;
  });
  return images;
}

std::string render_images(std::span<const ImageSummary> images, const ImageListStyle& style) {
  std::string out;
  switch (style.form) {
    case ImageListStyle::Form::kTable:
      return table(images, style);
    case ImageListStyle::Form::kJson:
      for (const ImageSummary& image : images) out += json_line(image, style);
      return out;
    case ImageListStyle::Form::kIds: {
      std::vector<Digest> seen;
      for (const ImageSummary& image : images) {
        if (std::find(seen.begin(), seen.end(), image.id) != seen.end()) continue;
        seen.push_back(image.id);
        out += id_text(image, style) + '\n';
      }
      return out;
    }
  }
  return out;
}

}  // namespace shale::cli
