// SPDX-License-Identifier: Apache-2.0
#include "registry/http_client.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>

#include "image/reference.h"
#include "registry/certificates.h"
#include "registry/header_fields.h"
#include "sys/files.h"

namespace shale::registry {

namespace {

constexpr std::size_t kMaxHeaders = 300;
constexpr std::size_t kMaxHeaderBytes = std::size_t{1} << 20;
constexpr long kSlowBytesPerSecond = 1024;
constexpr long kUploadPatience = 10;  // a registry that stores a large blob is silent for long at the end

// What the callbacks of one exchange share.
struct Running {
  const HttpRequest* request = nullptr;
  HttpResponse response;
  std::size_t header_bytes = 0;
  bool begun = false;
  bool to_sink = false;
  std::uint64_t body_sent = 0;
  std::optional<Error> error;
};

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& running = *static_cast<Running*>(user);
  std::string_view line(data, size * count);
  const std::size_t whole = line.size();
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  running.header_bytes += whole;
  if (line.starts_with("HTTP/")) {  // a new head: 100 Continue or a proxy's answer came before
    running.response = {};
    running.header_bytes = 0;
    return whole;
  }
  if (running.response.headers.size() >= kMaxHeaders || running.header_bytes > kMaxHeaderBytes) {
    running.error = Error(ErrorKind::kNetwork, "the server sent more header fields than any answer needs");
    return 0;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return whole;
  std::string name(line.substr(0, colon));
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  std::string_view value = line.substr(colon + 1);
  while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
  while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
  running.response.headers.emplace_back(std::move(name), value);
  return whole;
}

}  // namespace

struct HttpClient::State {
  CURL* handle = nullptr;
  char message[CURL_ERROR_SIZE] = {};
  std::map<std::string, Certificates> certificates;  // by authority
};

namespace {

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user);

struct BodyCall {
  Running* running;
  CURL* handle;
};

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  const auto& call = *static_cast<BodyCall*>(user);
  Running& running = *call.running;
  const std::string_view bytes(data, size * count);
  const auto stop = [&](Error error) {
    running.error = std::move(error);
    return std::size_t{0};
  };
  if (!running.begun) {
    running.begun = true;
    long status = 0;
    curl_easy_getinfo(call.handle, CURLINFO_RESPONSE_CODE, &status);
    running.response.status = static_cast<int>(status);
    if (running.request->sink != nullptr) {
      Result<bool> wanted = running.request->sink->begin(running.response);
      if (!wanted) return stop(std::move(wanted.error()));
      running.to_sink = *wanted;
    }
  }
  if (running.to_sink) {
    if (Status status = running.request->sink->write(bytes); !status) return stop(std::move(status.error()));
    return bytes.size();
  }
  if (running.response.body.size() + bytes.size() > running.request->max_body)
    return stop(Error(ErrorKind::kCorrupt,
                      fmt::format("{} answers with more than {} bytes", redacted_url(running.request->url),
                                  running.request->max_body)));
  running.response.body += bytes;
  return bytes.size();
}

std::size_t on_read(char* buffer, std::size_t size, std::size_t count, void* user) {
  auto& running = *static_cast<Running*>(user);
  const FileBody& file = *running.request->file;
  const std::uint64_t left = file.size - running.body_sent;
  const std::size_t wanted = std::min<std::uint64_t>(size * count, left);
  ssize_t got = 0;
  do got = ::pread(file.fd, buffer, wanted, static_cast<off_t>(file.offset + running.body_sent));
  while (got < 0 && errno == EINTR);
  if (got < 0 || (got == 0 && left > 0)) {
    running.error = got < 0 ? Error::system(errno, "read a blob to send")
                            : Error(ErrorKind::kCorrupt, "a blob became shorter while it was sent");
    return CURL_READFUNC_ABORT;
  }
  if (file.sent) file.sent(file.offset + running.body_sent, {buffer, static_cast<std::size_t>(got)});
  running.body_sent += static_cast<std::uint64_t>(got);
  return static_cast<std::size_t>(got);
}

Outcome outcome_of(CURLcode code, CURL* handle) {
  switch (code) {
    case CURLE_OK:
      return Outcome::kAnswered;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
      return Outcome::kUnreachable;
    case CURLE_OPERATION_TIMEDOUT: {
      // Before TLS stood there is no answer to wait for; afterwards a connection stalled.
      double connected = 0;
      double secured = 0;
      curl_easy_getinfo(handle, CURLINFO_CONNECT_TIME, &connected);
      curl_easy_getinfo(handle, CURLINFO_PRETRANSFER_TIME, &secured);
      if (connected > 0 && secured == 0) return Outcome::kNoTls;
      return connected == 0 ? Outcome::kUnreachable : Outcome::kBroken;
    }
    case CURLE_SSL_CONNECT_ERROR:
      return Outcome::kNoTls;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
      return Outcome::kBadTls;
    default:
      return Outcome::kBroken;
  }
}

void use_certificates(CURL* handle, const Certificates& certificates) {
  if (!certificates.extra_pem.empty()) {
    std::string pem = certificates.extra_pem;
    if (Result<std::string> bundle = sys::read_file(AT_FDCWD, certificates.bundle_file)) pem += *bundle;
    curl_blob blob{.data = pem.data(), .len = pem.size(), .flags = CURL_BLOB_COPY};
    curl_easy_setopt(handle, CURLOPT_CAINFO_BLOB, &blob);
  } else {
    // Without one, nothing is trusted. The file that the library was built for would, where it is missing, be
    // an error of plain HTTP, too.
    curl_easy_setopt(handle, CURLOPT_CAINFO,
                     certificates.bundle_file.empty() ? nullptr : certificates.bundle_file.c_str());
  }
  if (!certificates.directory.empty())
    curl_easy_setopt(handle, CURLOPT_CAPATH, certificates.directory.c_str());
  if (!certificates.client_certificate.empty()) {
    curl_easy_setopt(handle, CURLOPT_SSLCERT, certificates.client_certificate.c_str());
    curl_easy_setopt(handle, CURLOPT_SSLKEY, certificates.client_key.c_str());
  }
}

void set_common_options(CURL* handle, const HttpRequest& request) {
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_HTTP_CONTENT_DECODING, 0L);
  curl_easy_setopt(handle, CURLOPT_HTTP09_ALLOWED, 0L);
  curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "shale/0.1");
  curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, kSlowBytesPerSecond);
  const bool upload = request.file.has_value() || !request.body.empty() || request.method == "PUT";
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME,
                   static_cast<long>(request.stall_timeout.count()) * (upload ? kUploadPatience : 1));
  curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, 256L * 1024);
  curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, 512L * 1024);
  curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, request.new_connection ? 1L : 0L);
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, request.verify_tls ? 1L : 0L);
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, request.verify_tls ? 2L : 0L);
  // A proxy is not asked for this machine itself, as Go's clients (docker) do.
  if (image::is_loopback_host(request.url.host)) curl_easy_setopt(handle, CURLOPT_PROXY, "");
}

}  // namespace

HttpClient::HttpClient() : state_(std::make_unique<State>()) { state_->handle = curl_easy_init(); }
HttpClient::~HttpClient() { curl_easy_cleanup(state_->handle); }

Exchange HttpClient::perform(const HttpRequest& request) {
  CURL* handle = state_->handle;
  Exchange exchange;
  if (handle == nullptr) {
    exchange.outcome = Outcome::kRefused;
    exchange.error = Error(ErrorKind::kInternal, "set up an HTTP client");
    return exchange;
  }
  curl_easy_reset(handle);  // keeps connections
  set_common_options(handle, request);
  const std::string authority = request.url.authority();
  auto known = state_->certificates.find(authority);
  if (known == state_->certificates.end())
    known = state_->certificates.emplace(authority, certificates_for(authority)).first;
  if (request.url.scheme == "https" && request.verify_tls) use_certificates(handle, known->second);

  Running running{.request = &request};
  BodyCall body_call{.running = &running, .handle = handle};
  const std::string url = request.url.to_string();
  state_->message[0] = '\0';
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, state_->message);
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &running);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &body_call);
  curl_slist* headers = curl_slist_append(nullptr, "Expect:");
  for (const std::string& header : request.headers) headers = curl_slist_append(headers, header.c_str());
  curl_easy_setopt(handle, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (request.method == "HEAD") {
    curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
  } else if (request.file) {
    curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(handle, CURLOPT_READFUNCTION, &on_read);
    curl_easy_setopt(handle, CURLOPT_READDATA, &running);
    curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.file->size));
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  } else if (request.method != "GET") {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.c_str());
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    const auto typed = [](const std::string& h) { return h.starts_with("Content-Type:"); };
    if (std::ranges::none_of(request.headers, typed)) headers = curl_slist_append(headers, "Content-Type:");
  }
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  const CURLcode code = curl_easy_perform(handle);
  curl_slist_free_all(headers);

  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  exchange.response = std::move(running.response);
  exchange.response.status = static_cast<int>(status);
  exchange.outcome = outcome_of(code, handle);
  if (running.error) {
    exchange.outcome = Outcome::kRefused;
    exchange.error = std::move(running.error);
  } else if (code != CURLE_OK) {
    exchange.problem = printable(state_->message[0] != '\0' ? state_->message : curl_easy_strerror(code));
    if (exchange.outcome == Outcome::kBadTls)
      exchange.problem += fmt::format(" (trusted authorities: {})", known->second.description);
  } else if (request.sink != nullptr && !running.begun) {
    // An empty body: the sink still has to see the head, a blob may be empty.
    const Result<bool> wanted = request.sink->begin(exchange.response);
    if (!wanted) {
      exchange.outcome = Outcome::kRefused;
      exchange.error = wanted.error();
    }
  }
  return exchange;
}

void setup_http() {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  // curl reads only the lower-case name, as HTTP_PROXY can be a request's header in a CGI program; this is
  // none.
  const char* upper = std::getenv("HTTP_PROXY");
  if (upper != nullptr && std::getenv("http_proxy") == nullptr) ::setenv("http_proxy", upper, 0);
}

std::string proxy_note(const Url& url) {
  if (image::is_loopback_host(url.host)) return {};
  const auto value = [](const char* lower, const char* upper) {
    const char* found = std::getenv(lower);
    if (found == nullptr) found = std::getenv(upper);
    return std::string(found == nullptr ? "" : found);
  };
  std::string proxy =
      url.scheme == "https" ? value("https_proxy", "HTTPS_PROXY") : value("http_proxy", "HTTP_PROXY");
  if (proxy.empty()) proxy = value("all_proxy", "ALL_PROXY");
  if (proxy.empty()) return {};
  if (proxy.find("://") == std::string::npos) proxy.insert(0, "http://");
  return fmt::format("the environment names the proxy {}", redacted_url(proxy));
}

}  // namespace shale::registry
