// SPDX-License-Identifier: Apache-2.0
// HttpClient: one HTTP exchange at a time, as asked: no redirect is followed, no credential added, no body
// decoded. The only place that calls libcurl.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "registry/options.h"
#include "registry/url.h"

namespace shale::registry {

struct HttpResponse {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in order
  std::string body;                                          // what no sink took, up to the request's limit
  // The first field of that name, or "".
  [[nodiscard]] std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers)
      if (key == name) return value;
    return {};
  }
};

// Takes the body of a successful answer as it comes.
class BodySink {
 public:
  BodySink() = default;
  BodySink(const BodySink&) = delete;
  BodySink& operator=(const BodySink&) = delete;
  virtual ~BodySink() = default;
  // Called before the first byte. False: this answer's body (an error page) is not for the sink.
  virtual Result<bool> begin(const HttpResponse& head) = 0;
  virtual Status write(std::string_view bytes) = 0;
};

// A part of a file that is sent as the body. `sent` is called with the bytes as they go out, and where in the
// file they stand: a challenge makes all of them go out again.
struct FileBody {
  int fd = -1;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::function<void(std::uint64_t offset, std::string_view bytes)> sent;
};

struct HttpRequest {
  std::string method = "GET";
  Url url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
  std::optional<FileBody> file;  // instead of `body`
  BodySink* sink = nullptr;
  std::size_t max_body = std::size_t{1} << 20;  // of what `HttpResponse::body` may hold; more is an error
  bool verify_tls = true;
  bool new_connection = false;
  std::chrono::milliseconds connect_timeout{30'000};
  std::chrono::seconds stall_timeout{30};
};

// How far an exchange came.
enum class Outcome : std::uint8_t {
  kAnswered,     // a complete answer
  kUnreachable,  // no connection: name unknown, refused, no route, connect timeout
  kNoTls,        // connected, but the other side does not speak TLS
  kBadTls,       // the certificate is not to be trusted
  kBroken,       // reset, stalled or cut off after the connection stood
  kRefused,      // we stopped it: too large, or the sink said no (see `error`)
};

struct Exchange {
  Outcome outcome = Outcome::kAnswered;
  HttpResponse response;       // what came, when kAnswered; head only when kBroken in the body
  std::string problem;         // one line for people, when not kAnswered
  std::optional<Error> error;  // for kRefused
};

// One thread at a time; keeps its connections for the next request. Set up the process once with
// setup_http().
class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  Exchange perform(const HttpRequest& request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Before any thread. Takes certificates and proxies from the environment.
void setup_http();

// A sentence about the proxy that would be used for `url`, without its password; "" when there is none.
std::string proxy_note(const Url& url);

}  // namespace shale::registry
