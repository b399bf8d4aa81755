// SPDX-License-Identifier: Apache-2.0
// Manifests from outside are read strictly: a document must have one meaning, and every number must be
// possible.
#include "image/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "image/field_reader.h"

namespace shale::image {

namespace {

constexpr std::size_t kMaxManifestBytes = std::size_t{4}
                                          << 20;  // what registries and containers/image accept
constexpr std::size_t kMaxEntries = 1000;

Result<Platform> read_platform(const Json& json) {
  Platform platform{.os = "", .architecture = "", .variant = "", .os_version = ""};
  FieldReader reader(json, "platform of a manifest");
  const std::pair<const char*, std::string*> parts[] = {{"os", &platform.os},
                                                        {"architecture", &platform.architecture},
                                                        {"variant", &platform.variant},
                                                        {"os.version", &platform.os_version}};
  for (const auto& [key, target] : parts) {
    reader.read(key, *target);
    if (!Platform::is_valid_part(*target)) reader.complain(key, "has characters that no platform has");
  }
  RETURN_IF_ERROR(reader.status());
  return platform;
}

// `urls` and `data` are not read: content comes from the registry, by its digest (CVE-2020-15157).
Result<Descriptor> read_descriptor(const Json& json, const char* what) {
  Descriptor out;
  FieldReader reader(json, what);
  reader.read("mediaType", out.media_type);
  std::string digest;
  reader.read("digest", digest);
  if (const Json* size = json_member(json, "size"); size == nullptr || size->is_null())
    reader.complain("size", "is missing");
  reader.read("size", out.size);
  reader.read("annotations", out.annotations);
  const Json* platform = reader.object("platform");
  RETURN_IF_ERROR(reader.status());
  Result<Digest> parsed = Digest::parse(digest);
  if (!parsed) return fail(std::move(parsed.error()).context(fmt::format("in a {}", what)));
  out.digest = *parsed;
  if (platform != nullptr) {
    ASSIGN_OR_RETURN(out.platform, read_platform(*platform));
  }
  return out;
}

Result<std::vector<Descriptor>> read_list(const Json& list, const char* what) {
  if (list.size() > kMaxEntries)
    return fail(ErrorKind::kCorrupt,
                fmt::format("a manifest has {} entries, more than {}", list.size(), kMaxEntries));
  std::vector<Descriptor> out;
  for (const Json& item : list) {
    ASSIGN_OR_RETURN(Descriptor descriptor, read_descriptor(item, what));
    out.push_back(std::move(descriptor));
  }
  return out;
}

bool is_manifest_type(std::string_view type) { return type == kOciManifest || type == kDockerManifest; }
bool is_index_type(std::string_view type) { return type == kOciIndex || type == kDockerIndex; }

Json descriptor_json(const Descriptor& descriptor) {
  Json json = {{"mediaType", descriptor.media_type},
               {"digest", descriptor.digest.to_string()},
               {"size", descriptor.size}};
  if (!descriptor.annotations.empty()) json["annotations"] = descriptor.annotations;
  if (descriptor.platform) {
    const Platform& platform = *descriptor.platform;
    Json& out = json["platform"] = {{"architecture", platform.architecture}, {"os", platform.os}};
    if (!platform.os_version.empty()) out["os.version"] = platform.os_version;
    if (!platform.variant.empty()) out["variant"] = platform.variant;
  }
  return json;
}

// The N of "vN", or 0.
int variant_number(std::string_view variant) {
  int number = 0;
  if (variant.starts_with('v'))
    (void)std::from_chars(variant.data() + 1, variant.data() + variant.size(), number);
  return number;
}

// How well an entry serves: 0 = not at all.
int rank(const Platform& entry, const Platform& wanted) {
  if (entry.os != wanted.os || entry.architecture != wanted.architecture) return 0;
  if (entry.os == "unknown" || entry.architecture == "unknown") return 0;
  if (entry.variant == wanted.variant) return 1000;
  if (wanted.architecture == "arm") {
    const int have = variant_number(entry.variant);
    return have > 0 && have < variant_number(wanted.variant) ? 10 + have : 0;
  }
  if (entry.variant.empty()) return 5;
  return wanted.variant.empty() ? 1 : 0;
}

}  // namespace

Result<ManifestOrIndex> parse_manifest(std::string_view json, std::string_view content_type) {
  const auto bad = [](std::string message) { return fail(ErrorKind::kCorrupt, std::move(message)); };
  if (json.size() > kMaxManifestBytes)
    return bad(fmt::format("the manifest is larger than {} MiB", kMaxManifestBytes >> 20));
  ASSIGN_OR_RETURN(const Json document, parse_json(json, "manifest"));
  FieldReader reader(document, "manifest");
  std::string media_type;
  std::uint64_t schema = 0;
  reader.read("mediaType", media_type);
  reader.read("schemaVersion", schema);
  std::map<std::string, std::string> annotations;
  reader.read("annotations", annotations);
  const Json* config = reader.object("config");
  const Json* layers = reader.array("layers");
  const Json* manifests = reader.array("manifests");
  RETURN_IF_ERROR(reader.status());

  // "application/json; charset=utf-8" and the like say nothing; one of the four names must agree with the
  // document.
  std::string_view announced = content_type.substr(0, content_type.find(';'));
  while (announced.ends_with(' ')) announced.remove_suffix(1);
  const bool schema1 = announced.find("manifest.v1+") != std::string_view::npos;
  if (schema == 1 &&
      (schema1 || document.contains("fsLayers") || media_type.find("manifest.v1+") != std::string::npos))
    return fail(
        Error(ErrorKind::kUnsupported, "the manifest is of docker's schema 1, which was given up in 2019")
            .hint("push the image again with a current tool"));
  if (schema != 2) return bad("the manifest's schemaVersion is not 2");
  if (!is_manifest_type(announced) && !is_index_type(announced)) announced = {};
  if (!media_type.empty() && !announced.empty() && media_type != announced)
    return bad(fmt::format("the manifest calls itself {}, the registry calls it {}", media_type, announced));
  if (manifests != nullptr && (layers != nullptr || config != nullptr))
    return bad("the manifest is an index and an image at once");
  if (document.contains("fsLayers")) return bad("the manifest is of docker's schema 1 and 2 at once");
  if (media_type.empty()) media_type = announced;
  if (media_type.empty()) media_type = manifests != nullptr ? kOciIndex : kOciManifest;

  if (is_index_type(media_type)) {
    if (manifests == nullptr) return bad("the index has no list of manifests");
    Index index{.media_type = media_type, .manifests = {}, .annotations = std::move(annotations)};
    ASSIGN_OR_RETURN(index.manifests, read_list(*manifests, "manifest descriptor"));
    return index;
  }
  if (!is_manifest_type(media_type))
    return bad(fmt::format("'{}' is no media type of an image manifest", media_type));
  if (manifests != nullptr) return bad("the manifest has a list of manifests but is no index");
  if (config == nullptr) return bad("the manifest names no config");
  if (layers == nullptr) return bad("the manifest has no list of layers");
  Manifest manifest{
      .media_type = media_type, .config = {}, .layers = {}, .annotations = std::move(annotations)};
  ASSIGN_OR_RETURN(manifest.config, read_descriptor(*config, "config descriptor"));
  ASSIGN_OR_RETURN(manifest.layers, read_list(*layers, "layer descriptor"));
  return manifest;
}

std::string Manifest::to_json() const {
  Json json = {{"schemaVersion", 2}, {"mediaType", media_type}, {"config", descriptor_json(config)}};
  json["layers"] = Json::array();
  for (const Descriptor& layer : layers) json["layers"].push_back(descriptor_json(layer));
  if (!annotations.empty()) json["annotations"] = annotations;
  return dump_json(json);
}

std::string Index::to_json() const {
  Json json = {{"schemaVersion", 2}, {"mediaType", media_type}};
  json["manifests"] = Json::array();
  for (const Descriptor& entry : manifests) json["manifests"].push_back(descriptor_json(entry));
  if (!annotations.empty()) json["annotations"] = annotations;
  return dump_json(json);
}

const Descriptor* Index::find(const Platform& platform) const {
  const Platform wanted = platform.normalized();
  const Descriptor* best = nullptr;
  int best_rank = 0;
  for (const Descriptor& entry : manifests) {
    if (!entry.platform) continue;
    const int entry_rank = rank(entry.platform->normalized(), wanted);
    if (entry_rank > best_rank) {
      best = &entry;
      best_rank = entry_rank;
    }
  }
  // An index of one image need not say what it runs on; its config does.
  if (best == nullptr && manifests.size() == 1 && !manifests.front().platform) return &manifests.front();
  return best;
}

}  // namespace shale::image
