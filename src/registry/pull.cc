// SPDX-License-Identifier: Apache-2.0
#include "registry/pull.h"

#include <fmt/format.h>

namespace shale::registry {

namespace {

Json to_json(const PullRequest& request) {
  return {{"reference", request.reference.full()},    {"platform", request.platform.to_string()},
          {"blob_directory", request.blob_directory}, {"parallelism", request.parallelism},
          {"want_layers", request.want_layers},       {"network", to_json(request.network)}};
}

Result<PullEvent> decode(const Json& json) {
  const std::string type = json_string(json, "type");
  if (type == "done") return PullDone{};
  if (type == "warning") return PullWarning{json_string(json, "text")};
  if (type == "resolved") {
    PullResolved out;
    ASSIGN_OR_RETURN(out.manifest_digest, Digest::parse(json_string(json, "manifest_digest")));
    out.manifest_json = json_string(json, "manifest");
    out.media_type = json_string(json, "media_type");
    out.config_json = json_string(json, "config");
    out.source = json_string(json, "source");
    if (const std::string index = json_string(json, "index_digest"); !index.empty()) {
      ASSIGN_OR_RETURN(out.index_digest, Digest::parse(index));
    }
    ASSIGN_OR_RETURN(image::ManifestOrIndex manifest,
                     image::parse_manifest(out.manifest_json, out.media_type));
    out.manifest = std::get<image::Manifest>(std::move(manifest));
    return out;
  }
  ASSIGN_OR_RETURN(const Digest digest, Digest::parse(json_string(json, "digest")));
  if (type == "progress")
    return PullProgress{.digest = digest,
                        .current = static_cast<std::uint64_t>(json_int(json, "current")),
                        .total = static_cast<std::uint64_t>(json_int(json, "total"))};
  if (type == "blob")
    return PullBlob{.digest = digest,
                    .size = static_cast<std::uint64_t>(json_int(json, "size")),
                    .existed = json_bool(json, "existed")};
  return fail(ErrorKind::kInternal, fmt::format("shale-fetch sent an event '{}' that nobody knows", type));
}

}  // namespace

Result<PullProcess> PullProcess::start(const PullRequest& request) {
  ASSIGN_OR_RETURN(FetchProcess process, FetchProcess::start("pull", to_json(request)));
  return PullProcess(std::move(process));
}

Result<std::optional<PullEvent>> PullProcess::next_event() {
  ASSIGN_OR_RETURN(const std::optional<Json> json, process_.next());
  if (!json) return std::optional<PullEvent>{};
  Result<std::optional<PullEvent>> event = decode(*json);
  return event;
}

Result<PullEvent> PullProcess::wait_event() {
  ASSIGN_OR_RETURN(const Json json, process_.wait_next());
  return decode(json);
}

Result<PullResolved> resolve(const image::ImageRef& reference, const image::Platform& platform,
                             const NetworkOptions& network) {
  PullRequest request{.reference = reference, .platform = platform, .want_layers = false, .network = network};
  ASSIGN_OR_RETURN(PullProcess process, PullProcess::start(request));
  std::optional<PullResolved> resolved;
  while (!process.finished()) {
    ASSIGN_OR_RETURN(PullEvent event, process.wait_event());
    if (auto* found = std::get_if<PullResolved>(&event)) resolved = std::move(*found);
  }
  if (!resolved) return fail(ErrorKind::kInternal, "shale-fetch found nothing and said nothing");
  return std::move(*resolved);
}

}  // namespace shale::registry
