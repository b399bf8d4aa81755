// SPDX-License-Identifier: Apache-2.0
#include "remote/http_file.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>

#include "registry/http_get.h"
#include "registry/url.h"

namespace shale::remote {

namespace {

std::vector<std::string> auth_headers(const std::string& url, const std::vector<Secret>& secrets) {
  const Result<registry::Url> parsed = registry::Url::parse(url);
  if (!parsed) return {};  // the download says what is wrong with it
  for (const auto& [name, prefix] :
       {std::pair("HTTP_AUTH_HEADER_", ""), std::pair("HTTP_AUTH_TOKEN_", "Bearer ")})
    for (const std::string& host : {parsed->authority(), parsed->host}) {
      const auto found = std::find_if(secrets.begin(), secrets.end(),
                                      [&](const Secret& secret) { return secret.id == name + host; });
      if (found == secrets.end()) continue;
      std::string value = found->value;
      while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
      return {fmt::format("Authorization: {}{}", prefix, value)};
    }
  return {};
}

}  // namespace

Result<HttpFile> fetch_file(const HttpFileRequest& request, const std::vector<Secret>& secrets) {
  constexpr int kTickMilliseconds = 100;
  ASSIGN_OR_RETURN(registry::HttpGetProcess process,
                   registry::HttpGetProcess::start({.url = request.url,
                                                    .destination = request.destination,
                                                    .checksum = request.checksum,
                                                    .etag = request.etag,
                                                    .headers = auth_headers(request.url, secrets),
                                                    .max_bytes = request.max_bytes,
                                                    .network = {}}));
  HttpFile out;
  while (!process.finished()) {
    ASSIGN_OR_RETURN(const std::optional<registry::HttpGetEvent> event, process.next_event());
    if (!event) {
      struct pollfd waiting{process.event_fd(), POLLIN, 0};
      (void)::poll(&waiting, 1, kTickMilliseconds);  // a signal only makes it look again
      if (request.events != nullptr) request.events->tick();
    } else if (const auto* done = std::get_if<registry::HttpGetDone>(&*event)) {
      out = {.unchanged = done->status == 304,
             .digest = done->digest,
             .size = done->size,
             .last_modified = done->last_modified,
             .etag = done->etag};
    }
  }
  return out;
}

}  // namespace shale::remote
