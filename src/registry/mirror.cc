// SPDX-License-Identifier: Apache-2.0
#include "registry/mirror.h"

#include <fmt/format.h>

namespace shale::registry {

namespace {

constexpr std::string_view kDockerHub = "docker.io";
constexpr std::string_view kDockerHubHost = "registry-1.docker.io";

Result<Mirror> parse_one(std::string_view item) {
  const auto bad = [&](std::string_view why) {
    return fail(
        Error(ErrorKind::kUsage, fmt::format("SHALE_REGISTRY_MIRRORS: '{}' {}", item, why))
            .hint("an item reads registry=host[:port][/prefix], for example docker.io=127.0.0.1:5000"));
  };
  const std::size_t equals = item.find('=');
  if (equals == std::string_view::npos) return bad("has no '='");
  Mirror mirror;
  mirror.registry = item.substr(0, equals);
  const std::string_view target = item.substr(equals + 1);
  if (target.find("://") != std::string_view::npos) return bad("names a scheme; write the host only");
  const std::size_t slash = target.find('/');
  mirror.host = target.substr(0, slash);
  if (slash != std::string_view::npos) mirror.prefix = target.substr(slash + 1);
  while (mirror.prefix.ends_with('/')) mirror.prefix.pop_back();
  if (mirror.registry == "index.docker.io") mirror.registry = kDockerHub;
  for (const std::string& host : {mirror.registry, mirror.host})
    if (Status status = image::check_registry(host); !status)
      return bad("is wrong: " + status.error().message());
  if (!mirror.prefix.empty()) {
    if (Status status = image::check_repository(mirror.prefix); !status)
      return bad("is wrong: " + status.error().message());
    mirror.prefix += '/';
  }
  return mirror;
}

}  // namespace

Result<std::vector<Mirror>> parse_mirrors(std::string_view text) {
  std::vector<Mirror> mirrors;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    std::string_view item = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    while (item.starts_with(' ')) item.remove_prefix(1);
    while (item.ends_with(' ')) item.remove_suffix(1);
    if (item.empty()) continue;
    ASSIGN_OR_RETURN(Mirror mirror, parse_one(item));
    mirrors.push_back(std::move(mirror));
  }
  return mirrors;
}

std::vector<Place> places_of(const image::ImageRef& reference, const std::vector<Mirror>& mirrors) {
  std::vector<Place> places;
  for (const Mirror& mirror : mirrors) {
    if (mirror.registry != reference.registry) continue;
    places.push_back({.host = mirror.host,
                      .repository = mirror.prefix + reference.repository,
                      .name = "mirror " + mirror.host,
                      .is_mirror = true});
  }
  places.push_back(
      {.host = reference.registry == kDockerHub ? std::string(kDockerHubHost) : reference.registry,
       .repository = reference.repository,
       .name = reference.registry,
       .is_mirror = false});
  return places;
}

}  // namespace shale::registry
