// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "image/reference.h"
#include "registry/blob_upload.h"
#include "registry/commands.h"
#include "registry/session.h"

namespace shale::registry {

namespace {

std::vector<std::string> strings(const Json& json, const char* key) {
  std::vector<std::string> out;
  if (const Json* list = json_member(json, key); list != nullptr && list->is_array())
    for (const Json& item : *list)
      if (item.is_string()) out.push_back(item.get<std::string>());
  return out;
}

PushManifest read_manifest(const Json& json) {
  return {.json = json_string(json, "json"), .media_type = json_string(json, "media_type")};
}

Result<std::vector<PushBlob>> read_blobs(const Json& json) {
  std::vector<PushBlob> blobs;
  std::set<Digest> seen;
  const Json* list = json_member(json, "blobs");
  if (list == nullptr || !list->is_array()) return blobs;
  for (const Json& item : *list) {
    PushBlob blob{.size = static_cast<std::uint64_t>(json_int(item, "size")),
                  .path = json_string(item, "path")};
    ASSIGN_OR_RETURN(blob.digest, Digest::parse(json_string(item, "digest")));
    if (seen.insert(blob.digest).second) blobs.push_back(std::move(blob));
  }
  return blobs;
}

Status put_manifest(Session& session, HttpClient& client, const PushManifest& manifest,
                    const std::string& name) {
  const std::string what = fmt::format("push the manifest {} to {}", name, session.shown());
  ASSIGN_OR_RETURN(const HttpResponse response,
                   session.request(client,
                                   {.method = "PUT",
                                    .path = fmt::format("manifests/{}", name),
                                    .headers = {"Content-Type: " + manifest.media_type},
                                    .body = manifest.json},
                                   what));
  if (response.status == 200 || response.status == 201 || response.status == 202 || response.status == 204)
    return {};
  return fail(session.refusal(response, what));
}

}  // namespace

Status run_push(const Json& spec, EventWriter& events) {
  ASSIGN_OR_RETURN(const image::ImageRef reference, image::ImageRef::parse(json_string(spec, "reference")));
  NetworkOptions network;
  if (const Json* json = json_member(spec, "network")) network = network_options_from(*json);
  ASSIGN_OR_RETURN(const std::vector<PushBlob> blobs, read_blobs(spec));
  const std::vector<std::string> more_tags = strings(spec, "more_tags");
  for (const std::string& tag : more_tags) RETURN_IF_ERROR(image::check_tag(tag));
  std::vector<std::string> mount_from = strings(spec, "mount_from");
  for (const std::string& name : mount_from) RETURN_IF_ERROR(image::check_repository(name));
  std::erase(mount_from, reference.repository);
  const Json* main_json = json_member(spec, "manifest");
  const PushManifest manifest = main_json == nullptr ? PushManifest{} : read_manifest(*main_json);
  const Digest digest = Digest::of(manifest.json);

  Session session(places_of(reference, {}).back(),
                  {.registry = reference.registry, .push = true, .read_also = mount_from}, network, events);
  HttpClient client;
  const auto upload = [&](const PushBlob& blob, HttpClient& with) -> Status {
    ASSIGN_OR_RETURN(const PushBlobDone::How how, upload_blob(session, with, blob, mount_from, events));
    const char* name = how == PushBlobDone::How::kExisted   ? "existed"
                       : how == PushBlobDone::How::kMounted ? "mounted"
                                                            : "uploaded";
    events.write({{"type", "blob"}, {"digest", blob.digest.to_string()}, {"how", name}});
    return {};
  };
  // The first blob alone: it finds out how the registry is spoken to. The config is the smallest, usually.
  if (!blobs.empty()) {
    const auto smallest = std::ranges::min_element(blobs, {}, &PushBlob::size);
    RETURN_IF_ERROR(upload(*smallest, client));
    const auto first = static_cast<std::size_t>(smallest - blobs.begin());
    const int threads = static_cast<int>(std::clamp<std::int64_t>(json_int(spec, "parallelism", 4), 1, 64));
    RETURN_IF_ERROR(for_each_parallel(blobs.size(), threads, [&](std::size_t i, HttpClient& with) -> Status {
      return i == first ? Status{} : upload(blobs[i], with);
    }));
  }
  if (const Json* children = json_member(spec, "children"); children != nullptr && children->is_array())
    for (const Json& item : *children) {
      const PushManifest child = read_manifest(item);
      RETURN_IF_ERROR(put_manifest(session, client, child, Digest::of(child.json).to_string()));
    }
  RETURN_IF_ERROR(
      put_manifest(session, client, manifest, reference.tag.empty() ? digest.to_string() : reference.tag));
  for (const std::string& tag : more_tags) RETURN_IF_ERROR(put_manifest(session, client, manifest, tag));
  events.write({{"type", "done"}, {"digest", digest.to_string()}});
  return {};
}

}  // namespace shale::registry
