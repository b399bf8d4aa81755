// SPDX-License-Identifier: Apache-2.0
#include "registry/http_get.h"

namespace shale::registry {

namespace {

Json to_json(const HttpGetRequest& request) {
  return {{"url", request.url},
          {"destination", request.destination},
          {"checksum", request.checksum ? request.checksum->to_string() : ""},
          {"etag", request.etag},
          {"headers", request.headers},
          {"max_bytes", request.max_bytes},
          {"network", to_json(request.network)}};
}

Result<HttpGetEvent> decode(const Json& json) {
  if (json_string(json, "type") == "progress")
    return HttpGetProgress{.current = static_cast<std::uint64_t>(json_int(json, "current")),
                           .total = static_cast<std::uint64_t>(json_int(json, "total"))};
  HttpGetDone done;
  done.status = static_cast<int>(json_int(json, "status"));
  done.size = static_cast<std::uint64_t>(json_int(json, "size"));
  done.etag = json_string(json, "etag");
  done.content_type = json_string(json, "content_type");
  if (const Json* modified = json_member(json, "last_modified");
      modified != nullptr && modified->is_number_integer())
    done.last_modified = modified->get<std::int64_t>();
  if (const std::string digest = json_string(json, "digest"); !digest.empty()) {
    ASSIGN_OR_RETURN(done.digest, Digest::parse(digest));
  }
  return done;
}

}  // namespace

Result<HttpGetProcess> HttpGetProcess::start(const HttpGetRequest& request) {
  ASSIGN_OR_RETURN(FetchProcess process, FetchProcess::start("get", to_json(request)));
  return HttpGetProcess(std::move(process));
}

Result<std::optional<HttpGetEvent>> HttpGetProcess::next_event() {
  ASSIGN_OR_RETURN(const std::optional<Json> json, process_.next());
  if (!json) return std::optional<HttpGetEvent>{};
  Result<std::optional<HttpGetEvent>> event = decode(*json);
  return event;
}

Result<HttpGetEvent> HttpGetProcess::wait_event() {
  ASSIGN_OR_RETURN(const Json json, process_.wait_next());
  return decode(json);
}

}  // namespace shale::registry
