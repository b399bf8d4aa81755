// SPDX-License-Identifier: Apache-2.0
#include "cli/annotations.h"

#include <fmt/format.h>

#include <algorithm>

namespace shale::cli {

namespace {

struct Annotation {
  std::vector<std::string> places;  // "", or what stands between "annotation-" and the point of a key
  std::string key;
  std::string value;
};

// The characters of "manifest[linux/amd64],index": what stands before a colon otherwise belongs to the key.
bool is_list_of_places(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_[]/,").find(c) != std::string_view::npos;
  });
}

Result<Annotation> parse_annotation(const std::string& text) {
  Annotation out;
  const std::size_t equals = text.find('=');
  std::string_view name = std::string_view(text).substr(0, equals);
  if (const std::size_t colon = name.find(':');
      colon != std::string_view::npos && is_list_of_places(name.substr(0, colon))) {
    std::string_view places = name.substr(0, colon);
    while (true) {
      const std::size_t comma = std::min(places.find(','), places.size());
      out.places.push_back("-" + std::string(places.substr(0, comma)));
      if (comma == places.size()) break;
      places.remove_prefix(comma + 1);
    }
    name.remove_prefix(colon + 1);
  } else {
    out.places.emplace_back();
  }
  if (equals == std::string::npos || name.empty())
    return fail(Error(ErrorKind::kUsage, fmt::format("--annotation '{}' is not of the form key=value", text))
                    .hint("for example --annotation org.opencontainers.image.title=app"));
  out.key = name;
  out.value = text.substr(equals + 1);
  return out;
}

}  // namespace

bool has_manifest(const OutputSpec& output) {
  return output.kind == OutputSpec::Kind::kOci || output.kind == OutputSpec::Kind::kRegistry;
}

Status add_annotations(const std::vector<std::string>& texts, std::vector<OutputSpec>& outputs) {
  for (const std::string& text : texts) {
    ASSIGN_OR_RETURN(const Annotation annotation, parse_annotation(text));
    for (OutputSpec& output : outputs) {
      if (!has_manifest(output)) continue;
      for (const std::string& place : annotation.places)
        output.attributes[fmt::format("annotation{}.{}", place, annotation.key)] = annotation.value;
    }
  }
  return {};
}

}  // namespace shale::cli
