// SPDX-License-Identifier: Apache-2.0
// HttpGet: download one file by its URL (ADD https://…), in a helper process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "registry/fetch_process.h"
#include "registry/options.h"
#include "shale/digest.h"

namespace shale::registry {

struct HttpGetRequest {
  std::string url;          // http or https
  std::string destination;  // replaced in one step, and only when the whole body is there and as promised
  std::optional<Digest> checksum;  // what the body must hash to
  std::string etag;                // of a copy that the caller has: sent as If-None-Match
  // "Name: value"; sent to the URL's own scheme, host and port only, never to where it redirects.
  std::vector<std::string> headers;
  std::uint64_t max_bytes = 0;  // 0 = as much as it is
  NetworkOptions network;
};

struct HttpGetProgress {
  std::uint64_t current = 0;  // bytes
  std::uint64_t total = 0;    // 0 = not known
};
// The last event.
struct HttpGetDone {
  int status = 0;          // 200, or 304: the caller's copy is still right and `destination` was not touched
  Digest digest;           // of the body; empty for 304
  std::uint64_t size = 0;  // bytes
  std::optional<std::int64_t> last_modified;  // seconds since 1970, from Last-Modified
  std::string etag;                           // as sent, quotes and all
  std::string content_type;
};

using HttpGetEvent = std::variant<HttpGetProgress, HttpGetDone>;

// Redirects are followed up to ten times, to http and https only, never from https to http. See FetchProcess
// for who may start and who may read.
class HttpGetProcess {
 public:
  static Result<HttpGetProcess> start(const HttpGetRequest& request);
  [[nodiscard]] int event_fd() const { return process_.event_fd(); }
  // Never blocks; nullopt = nothing yet. HttpGetDone or an error is the last.
  Result<std::optional<HttpGetEvent>> next_event();
  Result<HttpGetEvent> wait_event();
  [[nodiscard]] bool finished() const { return process_.finished(); }

 private:
  explicit HttpGetProcess(FetchProcess process) : process_(std::move(process)) {}
  FetchProcess process_;
};

}  // namespace shale::registry
