// SPDX-License-Identifier: Apache-2.0
#include "registry/push.h"

#include <fmt/format.h>

namespace shale::registry {

namespace {

Json to_json(const PushManifest& manifest) {
  return {{"json", manifest.json}, {"media_type", manifest.media_type}};
}

Json to_json(const PushRequest& request) {
  Json json = {{"reference", request.reference.full()}, {"more_tags", request.more_tags},
               {"manifest", to_json(request.manifest)}, {"mount_from", request.mount_from},
               {"parallelism", request.parallelism},    {"network", to_json(request.network)}};
  json["children"] = Json::array();
  for (const PushManifest& child : request.children) json["children"].push_back(to_json(child));
  json["blobs"] = Json::array();
  for (const PushBlob& blob : request.blobs)
    json["blobs"].push_back({{"digest", blob.digest.to_string()}, {"size", blob.size}, {"path", blob.path}});
  return json;
}

Result<PushEvent> decode(const Json& json) {
  const std::string type = json_string(json, "type");
  if (type == "warning") return PushWarning{json_string(json, "text")};
  ASSIGN_OR_RETURN(const Digest digest, Digest::parse(json_string(json, "digest")));
  if (type == "done") return PushDone{digest};
  if (type == "progress")
    return PushProgress{.digest = digest,
                        .current = static_cast<std::uint64_t>(json_int(json, "current")),
                        .total = static_cast<std::uint64_t>(json_int(json, "total"))};
  if (type == "blob") {
    const std::string how = json_string(json, "how");
    return PushBlobDone{.digest = digest,
                        .how = how == "existed"   ? PushBlobDone::How::kExisted
                               : how == "mounted" ? PushBlobDone::How::kMounted
                                                  : PushBlobDone::How::kUploaded};
  }
  return fail(ErrorKind::kInternal, fmt::format("shale-fetch sent an event '{}' that nobody knows", type));
}

}  // namespace

Result<PushProcess> PushProcess::start(const PushRequest& request) {
  ASSIGN_OR_RETURN(FetchProcess process, FetchProcess::start("push", to_json(request)));
  return PushProcess(std::move(process));
}

Result<std::optional<PushEvent>> PushProcess::next_event() {
  ASSIGN_OR_RETURN(const std::optional<Json> json, process_.next());
  if (!json) return std::optional<PushEvent>{};
  Result<std::optional<PushEvent>> event = decode(*json);
  return event;
}

Result<PushEvent> PushProcess::wait_event() {
  ASSIGN_OR_RETURN(const Json json, process_.wait_next());
  return decode(json);
}

}  // namespace shale::registry
