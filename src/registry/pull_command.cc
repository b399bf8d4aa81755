// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "image/config.h"
#include "image/manifest.h"
#include "image/reference.h"
#include "registry/blob_download.h"
#include "registry/commands.h"
#include "registry/session.h"
#include "sys/files.h"

namespace shale::registry {

namespace {

constexpr std::size_t kMaxDocumentBytes = std::size_t{4} << 20;  // manifests and configs
constexpr int kMaxIndexDepth = 4;  // an index of indexes is legal; a chain is an attack

struct PullSpec {
  image::ImageRef reference;
  image::Platform platform;
  std::string blob_directory;
  int parallelism = 6;
  bool want_layers = true;
  NetworkOptions network;
};

Result<PullSpec> read_spec(const Json& json) {
  PullSpec spec;
  ASSIGN_OR_RETURN(spec.reference, image::ImageRef::parse(json_string(json, "reference")));
  ASSIGN_OR_RETURN(spec.platform, image::Platform::parse(json_string(json, "platform")));
  spec.blob_directory = json_string(json, "blob_directory");
  spec.parallelism = static_cast<int>(std::clamp<std::int64_t>(json_int(json, "parallelism", 6), 1, 64));
  spec.want_layers = json_bool(json, "want_layers", true);
  if (const Json* network = json_member(json, "network")) spec.network = network_options_from(*network);
  return spec;
}

// What the reference turned out to be.
struct Found {
  Digest manifest_digest;
  std::string manifest_json;
  image::Manifest manifest;
  std::optional<Digest> index_digest;
  std::string config_json;
};

struct Document {
  Digest digest;
  std::string text;
  image::ManifestOrIndex parsed;
};

Result<Document> fetch_manifest(Session& session, HttpClient& client, const std::string& name,
                                const std::optional<Digest>& expected) {
  const std::string what = fmt::format("fetch the manifest {} of {}", name, session.shown());
  RegistryRequest request{
      .path = fmt::format("manifests/{}", name),
      .headers = {fmt::format("Accept: {}, {}, {}, {}", image::kOciIndex, image::kOciManifest,
                              image::kDockerIndex, image::kDockerManifest)},
      .max_body = kMaxDocumentBytes};
  for (bool again = false;; again = true) {
    ASSIGN_OR_RETURN(HttpResponse response, session.request(client, request, what));
    if (response.status != 200) return fail(session.refusal(response, what));
    // The hash of the body is the only truth; Docker-Content-Digest is what the server would like us to
    // believe.
    const Digest digest = Digest::of(response.body);
    if (expected && digest != *expected) {
      if (!again) continue;
      return fail(ErrorKind::kCorrupt, fmt::format("{}: what {} sent hashes to {}, twice", what,
                                                   session.place().name, digest.to_string()));
    }
    Result<image::ManifestOrIndex> parsed =
        image::parse_manifest(response.body, response.header("content-type"));
    if (!parsed) return fail(std::move(parsed.error()).context(fmt::format("while trying to {}", what)));
    return Document{.digest = digest, .text = std::move(response.body), .parsed = std::move(*parsed)};
  }
}

Error no_such_platform(const image::Index& index, const PullSpec& spec) {
  std::set<std::string> available;
  for (const image::Descriptor& entry : index.manifests)
    if (entry.platform && entry.platform->os != "unknown")
      available.insert(entry.platform->normalized().to_string());
  return Error(ErrorKind::kNotFound,
               fmt::format("{} has no image for {}", spec.reference.familiar(), spec.platform.to_string()))
      .hint(available.empty() ? "its index names no platform at all"
                              : fmt::format("it has: {}", fmt::join(available, ", ")));
}

Result<std::string> fetch_config(Session& session, HttpClient& client, const image::Descriptor& config) {
  const std::string what =
      fmt::format("fetch the config {} of {}", config.digest.to_string(), session.shown());
  if (config.size > kMaxDocumentBytes)
    return fail(ErrorKind::kCorrupt,
                fmt::format("{}: its manifest promises {} bytes; none is that large", what, config.size));
  const RegistryRequest request{.path = fmt::format("blobs/{}", config.digest.to_string()),
                                .max_body = kMaxDocumentBytes};
  for (bool again = false;; again = true) {
    ASSIGN_OR_RETURN(HttpResponse response, session.request(client, request, what));
    if (response.status != 200) return fail(session.refusal(response, what));
    if (response.body.size() == config.size && Digest::of(response.body) == config.digest)
      return std::move(response.body);
    if (again)
      return fail(ErrorKind::kCorrupt,
                  fmt::format("{}: its bytes are not what the digest says, twice", what));
  }
}

Result<Found> find(Session& session, HttpClient& client, const PullSpec& spec) {
  Found found;
  std::string name = spec.reference.manifest_reference();
  std::optional<Digest> expected = spec.reference.digest;
  for (int depth = 0;; ++depth) {
    ASSIGN_OR_RETURN(Document document, fetch_manifest(session, client, name, expected));
    if (auto* manifest = std::get_if<image::Manifest>(&document.parsed)) {
      found.manifest_digest = document.digest;
      found.manifest_json = std::move(document.text);
      found.manifest = std::move(*manifest);
      break;
    }
    if (depth >= kMaxIndexDepth)
      return fail(ErrorKind::kCorrupt, fmt::format("{}: indexes within indexes, more than {} deep",
                                                   spec.reference.familiar(), kMaxIndexDepth));
    const auto& index = std::get<image::Index>(document.parsed);
    const image::Descriptor* entry = index.find(spec.platform);
    if (entry == nullptr) return fail(no_such_platform(index, spec));
    if (!found.index_digest) found.index_digest = document.digest;
    expected = entry->digest;
    name = entry->digest.to_string();
  }
  const std::string& type = found.manifest.config.media_type;
  if (!type.empty() && type != image::kOciConfig && type != image::kDockerConfig)
    return fail(ErrorKind::kUnsupported,
                fmt::format("{} is not an image but an artifact with a config of type '{}'",
                            spec.reference.familiar(), type));
  ASSIGN_OR_RETURN(found.config_json, fetch_config(session, client, found.manifest.config));
  Result<image::ImageConfig> config = image::ImageConfig::parse(found.config_json);
  if (!config)
    return fail(
        std::move(config.error()).context(fmt::format("in the config of {}", spec.reference.familiar())));
  if (config->diff_ids.size() != found.manifest.layers.size())
    return fail(ErrorKind::kCorrupt,
                fmt::format("{}: its manifest has {} layers, its config {}", spec.reference.familiar(),
                            found.manifest.layers.size(), config->diff_ids.size()));
  return found;
}

Status fetch_layers(Session& session, const PullSpec& spec, const Found& found, EventWriter& events) {
  std::vector<const image::Descriptor*> missing;
  std::set<Digest> seen;
  for (const image::Descriptor& layer : found.manifest.layers) {
    if (!seen.insert(layer.digest).second) continue;
    if (sys::exists_at(AT_FDCWD, fmt::format("{}/{}", spec.blob_directory, layer.digest.hex())))
      events.write(
          {{"type", "blob"}, {"digest", layer.digest.to_string()}, {"size", layer.size}, {"existed", true}});
    else
      missing.push_back(&layer);
  }
  return for_each_parallel(
      missing.size(), spec.parallelism, [&](std::size_t i, HttpClient& client) -> Status {
        const image::Descriptor& layer = *missing[i];
        RETURN_IF_ERROR(download_blob(session, client, layer, spec.blob_directory, events));
        events.write({{"type", "blob"},
                      {"digest", layer.digest.to_string()},
                      {"size", layer.size},
                      {"existed", false}});
        return {};
      });
}

}  // namespace

Status run_pull(const Json& json, EventWriter& events) {
  ASSIGN_OR_RETURN(const PullSpec spec, read_spec(json));
  const char* value = std::getenv("SHALE_REGISTRY_MIRRORS");
  ASSIGN_OR_RETURN(const std::vector<Mirror> mirrors, parse_mirrors(value == nullptr ? "" : value));
  std::vector<std::string> passed_over;
  const std::vector<Place> places = places_of(spec.reference, mirrors);
  for (const Place& place : places) {
    HttpClient client;
    Session session(place, {.registry = spec.reference.registry}, spec.network, events);
    Result<Found> found = find(session, client, spec);
    if (!found) {
      if (!place.is_mirror) {
        for (const std::string& line : passed_over) found.error().add_context(line);
        return fail(std::move(found.error()));
      }
      passed_over.push_back(fmt::format("before that, {}: {}", place.name, found.error().to_line()));
      continue;
    }
    events.write({{"type", "resolved"},
                  {"manifest_digest", found->manifest_digest.to_string()},
                  {"manifest", found->manifest_json},
                  {"media_type", found->manifest.media_type},
                  {"index_digest", found->index_digest ? found->index_digest->to_string() : ""},
                  {"config", found->config_json},
                  {"source", place.name}});
    if (spec.want_layers) RETURN_IF_ERROR(fetch_layers(session, spec, *found, events));
    break;
  }
  events.write({{"type", "done"}});
  return {};
}

}  // namespace shale::registry
