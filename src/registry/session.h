// SPDX-License-Identifier: Apache-2.0
// Session: requests to one repository of one registry (or to the registry itself), with its credentials,
// redirects and retries.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "registry/authenticator.h"
#include "registry/event_writer.h"
#include "registry/http_client.h"
#include "registry/mirror.h"
#include "registry/retry.h"

namespace shale::registry {

struct RegistryRequest {
  std::string method = "GET";
  std::string path;        // below /v2/<repository>/: "manifests/latest"
  std::optional<Url> url;  // instead: an address that the registry gave (an upload's)
  std::vector<std::string> headers;
  std::string body;
  std::optional<FileBody> file;
  BodySink* sink = nullptr;
  std::size_t max_body = std::size_t{1} << 20;
};

// The same object serves many threads, each with its own HttpClient; the first request must be over before
// the second thread begins, as it finds out whether the registry speaks TLS.
class Session {
 public:
  // `target` has its registry's name; its repository is the place's. A mirror is asked with logins of its
  // own.
  Session(Place place, AuthTarget target, const NetworkOptions& options, EventWriter& events);

  // One exchange: redirects of GET and HEAD are followed, a challenge is answered, nothing is repeated for
  // other reasons. The error is one that no repetition mends.
  Result<Exchange> attempt(HttpClient& client, const RegistryRequest& request);
  // Repeated with patience until an answer comes that says something: any status but 408, 429 and passing
  // 5xx.
  Result<HttpResponse> request(HttpClient& client, const RegistryRequest& request, const std::string& what);

  [[nodiscard]] Retry retry(const std::string& what) const;
  [[nodiscard]] const Place& place() const { return place_; }
  // "library/alpine at docker.io", for messages.
  [[nodiscard]] std::string shown() const;
  // The meaning of a Location of this registry.
  [[nodiscard]] Result<Url> location(const HttpResponse& response, const Url& asked) const;
  [[nodiscard]] Url url_of(std::string_view path) const;
  // The error for a final answer that is not what was wanted.
  [[nodiscard]] Error refusal(const HttpResponse& response, const std::string& what) const;

 private:
  Exchange perform(HttpClient& client, const RegistryRequest& request, const Url& url,
                   const std::string& authorization);
  [[nodiscard]] Url base() const;

  Place place_;
  NetworkOptions options_;
  HostTrust trust_;
  Authenticator authenticator_;
  Url https_;
  Url http_;
  std::atomic<bool> plain_ = false;    // http is in use
  std::atomic<bool> settled_ = false;  // some answer came
};

}  // namespace shale::registry
