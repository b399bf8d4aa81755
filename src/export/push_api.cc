// SPDX-License-Identifier: Apache-2.0
// shale push: blobs are made inside, where layers can be read; the upload runs outside, as the user.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "export/layer_blob.h"
#include "export/manifest_options.h"
#include "export/transfer.h"
#include "image/manifest.h"
#include "registry/push.h"
#include "store/blobs.h"
#include "store/images.h"

namespace shale {

namespace {

using namespace exporter;

constexpr std::size_t kMaxMountSources =
    4;  // each is one more question to the registry for a blob it may have

// True if `manifest` is one of these layers and this config: then the image goes out as it came in, digest
// and all.
bool is_of(const store::ImageManifest& manifest, const ImageBundle& bundle,
           const std::vector<image::Descriptor>& layers) {
  const Result<image::ManifestOrIndex> parsed = image::parse_manifest(manifest.json, manifest.media_type);
  if (!parsed || !std::holds_alternative<image::Manifest>(*parsed)) return false;
  const auto& known = std::get<image::Manifest>(*parsed);
  return known.config.digest == bundle.id &&
         std::ranges::equal(known.layers, layers, {}, &image::Descriptor::digest, &image::Descriptor::digest);
}

// Other repositories of the same registry that this store knows images of.
Result<std::vector<std::string>> mount_sources(store::Store& store, const image::ImageRef& reference) {
  ASSIGN_OR_RETURN(const std::vector<store::TagRecord> tags, store.images().tags());
  std::vector<std::string> sources;
  for (const store::TagRecord& tag : tags) {
    const Result<image::ImageRef> other = image::ImageRef::parse(tag.reference);
    if (!other || other->registry != reference.registry || other->repository == reference.repository ||
        tag.manifest_digest.empty() || std::ranges::find(sources, other->repository) != sources.end())
      continue;
    sources.push_back(other->repository);
    if (sources.size() == kMaxMountSources) break;
  }
  return sources;
}

Json blob_json(store::Store& store, const Digest& digest, std::uint64_t size) {
  return {{"digest", digest.to_string()}, {"size", size}, {"path", store.blobs().path(digest)}};
}

// How the image is to go out.
struct PushForm {
  CompressionOptions compression;
  ManifestOptions manifest;

  [[nodiscard]] bool plain() const { return !manifest.docker_types && manifest.annotations.empty(); }
};

// Makes everything that is to be sent, and says what it is.
Result<Json> prepare(store::Store& store, store::BuildLease& lease, const std::string& encoding,
                     const std::string& name, const PushForm& form, const Progress& progress) {
  ASSIGN_OR_RETURN(const store::ResolvedImage resolved, store.images().resolve(name));
  if (!resolved.tag || resolved.tag->reference.find('@') != std::string::npos)
    return fail(Error(ErrorKind::kUsage, fmt::format("'{}' does not say where to push to", name))
                    .hint("give the image a name with shale tag, and push that"));
  ASSIGN_OR_RETURN(const image::ImageRef reference, image::ImageRef::parse(resolved.tag->reference));
  ASSIGN_OR_RETURN(const ImageBundle bundle, bundle_of(store, lease, resolved.image, encoding, {reference}));
  ASSIGN_OR_RETURN(const std::vector<image::Descriptor> layers,
                   blobs_of_layers(store, lease, bundle, form.compression, progress));
  ASSIGN_OR_RETURN(store::BlobWriter config, store.blobs().create());
  RETURN_IF_ERROR(config.write(bundle.config_json));
  RETURN_IF_ERROR(config.commit(lease, bundle.id));

  store::ImageManifest manifest;
  if (form.plain() && resolved.image.manifest && is_of(*resolved.image.manifest, bundle, layers)) {
    manifest = *resolved.image.manifest;
  } else {
    BuiltManifest built = manifest_of(bundle, layers, form.manifest);
    manifest = {
        .digest = built.digest, .media_type = built.manifest.media_type, .json = std::move(built.json)};
    // Annotations are this push's, not the image's.
    if (form.plain()) RETURN_IF_ERROR(store.images().set_manifest(bundle.id, manifest));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> sources, mount_sources(store, reference));
  Json blobs = Json::array();
  std::set<Digest> listed{bundle.id};
  blobs.push_back(blob_json(store, bundle.id, bundle.config_json.size()));
  for (const image::Descriptor& layer : layers)
    if (listed.insert(layer.digest).second) blobs.push_back(blob_json(store, layer.digest, layer.size));
  return Json{{"reference", reference.full()},
              {"manifest", manifest.json},
              {"media_type", manifest.media_type},
              {"blobs", std::move(blobs)},
              {"mount_from", sources}};
}

Result<registry::PushRequest> request_from(const Json& json) {
  registry::PushRequest request;
  ASSIGN_OR_RETURN(request.reference, image::ImageRef::parse(json_string(json, "reference")));
  request.manifest = {.json = json_string(json, "manifest"), .media_type = json_string(json, "media_type")};
  for (const Json& item : json.at("blobs")) {
    registry::PushBlob blob;
    ASSIGN_OR_RETURN(blob.digest, Digest::parse(json_string(item, "digest")));
    blob.size = static_cast<std::uint64_t>(json_int(item, "size"));
    blob.path = json_string(item, "path");
    request.blobs.push_back(std::move(blob));
  }
  for (const Json& source : json.at("mount_from")) request.mount_from.push_back(source.get<std::string>());
  return request;
}

// Sends it. The manifest's digest.
Result<Digest> upload(const registry::PushRequest& request, const Progress& progress) {
  ASSIGN_OR_RETURN(registry::PushProcess process, registry::PushProcess::start(request));
  Digest digest;
  while (!process.finished()) {
    RETURN_IF_ERROR(progress.wait(std::array{process.event_fd()}));
    ASSIGN_OR_RETURN(const std::optional<registry::PushEvent> event, process.next_event());
    if (!event) continue;
    if (const auto* moved = std::get_if<registry::PushProgress>(&*event)) {
      progress.item(moved->digest.short_hex(), moved->current, moved->total);
    } else if (const auto* done = std::get_if<registry::PushBlobDone>(&*event)) {
      const auto blob = std::ranges::find(request.blobs, done->digest, &registry::PushBlob::digest);
      const std::uint64_t size = blob == request.blobs.end() ? 0 : blob->size;
      const bool sent = done->how == registry::PushBlobDone::How::kUploaded;
      progress.item(done->digest.short_hex() + (sent ? "" : " (there already)"), size, size, true);
    } else if (const auto* warning = std::get_if<registry::PushWarning>(&*event)) {
      progress.warn(warning->text);
    } else if (const auto* end = std::get_if<registry::PushDone>(&*event)) {
      digest = end->manifest_digest;
    }
  }
  return digest;
}

// From now on other repositories of this registry can be given the blobs without sending them.
Status remember(store::Store& store, const image::ImageRef& reference, const Digest& digest) {
  ASSIGN_OR_RETURN(const std::optional<store::TagRecord> tag, store.images().find_tag(reference));
  if (!tag) return {};  // removed meanwhile
  ASSIGN_OR_RETURN(const std::optional<store::ImageRecord> image, store.images().find(tag->image));
  if (!image) return {};
  store::TagRecord pushed = *tag;
  pushed.manifest_digest = digest;
  return store.images().put(*image, std::span(&pushed, 1));
}

}  // namespace

Result<TransferResult> push_image(const std::string& store_root, const std::string& name, EventSink& events,
                                  const std::map<std::string, std::string>& attributes) {
  PushForm form;
  ASSIGN_OR_RETURN(form.compression, parse_compression(attributes));
  ASSIGN_OR_RETURN(form.manifest, parse_manifest_options(attributes));
  ASSIGN_OR_RETURN(const std::string root, resolve_root(store_root));
  // Taken outside, so that the blobs are still held while they are sent.
  ASSIGN_OR_RETURN(store::Store first, store::Store::open(root));
  ASSIGN_OR_RETURN(store::BuildLease lease, store::BuildLease::create(first));
  RETURN_IF_ERROR(first.close());
  const auto work = [&](Inside& inside) -> Result<Json> {
    ASSIGN_OR_RETURN(store::Store store, store::Store::open(root));
    Result<Json> prepared = in_step(inside.events(), 1, fmt::format("preparing {}", name), inside.stop_fd(),
                                    [&](const Progress& progress) {
                                      return prepare(store, lease, inside.encoding(), name, form, progress);
                                    });
    RETURN_IF_ERROR(store.close());
    return prepared;
  };
  ASSIGN_OR_RETURN(const runtime::BuildIsolation isolation, isolation_for(root));
  Result<Json> prepared = run_inside(isolation, {.events = &events, .answer = {}}, work);
  Result<Digest> digest = [&]() -> Result<Digest> {
    if (!prepared) return fail(std::move(prepared.error()));
    ASSIGN_OR_RETURN(const registry::PushRequest request, request_from(*prepared));
    return in_step(events, 2, fmt::format("pushing {}", request.reference.full()), -1,
                   [&](const Progress& progress) { return upload(request, progress); });
  }();
  ASSIGN_OR_RETURN(store::Store last, store::Store::open(root));
  RETURN_IF_ERROR(lease.finish(last));
  if (!digest) return fail(std::move(digest.error()));
  ASSIGN_OR_RETURN(const image::ImageRef reference,
                   image::ImageRef::parse(json_string(*prepared, "reference")));
  RETURN_IF_ERROR(remember(last, reference, *digest));
  RETURN_IF_ERROR(last.close());
  return TransferResult{.digest = *digest, .names = {reference.familiar()}};
}

}  // namespace shale
