// SPDX-License-Identifier: Apache-2.0
#include "export/manifest_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "export/layer_blob.h"
#include "image/config.h"

namespace shale::exporter {

namespace {

constexpr std::string_view kPrefix = "annotation";
constexpr const char* kForms =
    "write annotation.KEY=VALUE, or annotation-manifest-descriptor.KEY=VALUE for the index of the output; "
    "[OS/ARCH] may stand before the point";

image::Platform platform_of(const ImageBundle& bundle) {
  const Result<image::ImageConfig> config = image::ImageConfig::parse(bundle.config_json);
  return config ? config->platform : image::Platform{};
}

}  // namespace

bool is_annotation_key(std::string_view key) {
  if (!key.starts_with(kPrefix) || key.size() == kPrefix.size()) return false;
  const char next = key[kPrefix.size()];
  return next == '.' || next == '-' || next == '[';
}

Result<Annotation> parse_annotation(const std::string& key, const std::string& value) {
  const auto bad = [&](std::string_view why) {
    return fail(
        Error(ErrorKind::kUsage, fmt::format("annotation '{}={}': {}", key, value, why)).hint(kForms));
  };
  Annotation out{.place = Annotation::Place::kManifest, .platform = {}, .key = {}, .value = value};
  // The name of the annotation may have points and brackets of its own.
  const std::size_t end = key.find_first_of(".[", kPrefix.size());
  if (end == std::string::npos) return bad("it has no name");
  const std::string_view kind = std::string_view(key).substr(kPrefix.size(), end - kPrefix.size());
  std::size_t point = end;
  if (key[end] == '[') {
    point = key.find("].", end);
    if (point == std::string::npos) return bad("the platform is not closed by '].'");
    ASSIGN_OR_RETURN(out.platform, image::Platform::parse(key.substr(end + 1, point - end - 1)));
    ++point;
  }
  out.key = key.substr(point + 1);
  if (out.key.empty()) return bad("it has no name");
  if (kind == "-manifest-descriptor")
    out.place = Annotation::Place::kDescriptor;
  else if (kind == "-index" || kind == "-index-descriptor")
    return fail(Error(ErrorKind::kUsage,
                      fmt::format("annotation '{}={}': an image for one platform has no index", key, value))
                    .hint("write annotation.KEY=VALUE, for the manifest"));
  else if (!kind.empty() && kind != "-manifest")
    return bad(fmt::format("there is no annotation{}", kind));
  return out;
}

std::map<std::string, std::string> ManifestOptions::annotations_for(Annotation::Place place,
                                                                    const image::Platform& platform) const {
  std::map<std::string, std::string> out;
  for (const Annotation& annotation : annotations)
    if (annotation.place == place &&
        (!annotation.platform || annotation.platform->normalized() == platform.normalized()))
      out[annotation.key] = annotation.value;
  return out;
}

Result<ManifestOptions> parse_manifest_options(const std::map<std::string, std::string>& attributes) {
  ManifestOptions options;
  for (const auto& [key, value] : attributes) {
    if (!is_annotation_key(key)) continue;
    ASSIGN_OR_RETURN(Annotation annotation, parse_annotation(key, value));
    options.annotations.push_back(std::move(annotation));
  }
  ASSIGN_OR_RETURN(const bool oci, output_flag(attributes, "oci-mediatypes", true));
  options.docker_types = !oci;
  if (oci) return options;
  constexpr const char* kRemedy = "leave out oci-mediatypes=false";
  if (!options.annotations.empty())
    return fail(Error(ErrorKind::kUsage, "docker's manifests have no annotations").hint(kRemedy));
  if (const auto compression = attributes.find("compression");
      compression != attributes.end() && compression->second == "zstd")
    return fail(Error(ErrorKind::kUsage, "docker has no media type for layers in zstd").hint(kRemedy));
  return options;
}

BuiltManifest manifest_of(const ImageBundle& bundle, std::vector<image::Descriptor> layers,
                          const ManifestOptions& options) {
  // Docker has no type for zstd, in which a layer of the base image may have come.
  const bool docker = options.docker_types && std::ranges::all_of(layers, [](const image::Descriptor& layer) {
                        return docker_layer_type(layer.media_type).has_value();
                      });
  if (docker)
    for (image::Descriptor& layer : layers) layer.media_type = *docker_layer_type(layer.media_type);
  BuiltManifest built;
  built.manifest.media_type = docker ? image::kDockerManifest : image::kOciManifest;
  built.manifest.config = {.media_type = std::string(docker ? image::kDockerConfig : image::kOciConfig),
                           .digest = bundle.id,
                           .size = bundle.config_json.size()};
  built.manifest.layers = std::move(layers);
  if (!options.annotations.empty())
    built.manifest.annotations = options.annotations_for(Annotation::Place::kManifest, platform_of(bundle));
  built.json = built.manifest.to_json();
  built.digest = Digest::of(built.json);
  return built;
}

}  // namespace shale::exporter
