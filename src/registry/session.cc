// SPDX-License-Identifier: Apache-2.0
#include "registry/session.h"

#include <fmt/format.h>

#include "image/reference.h"

namespace shale::registry {

namespace {

constexpr int kMaxRedirects = 10;
// A server on this machine that knows no TLS may wait for a line of text; it is not waited for.
constexpr std::chrono::milliseconds kLoopbackProbe{3000};

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Url make_base(const std::string& scheme, const std::string& host) {
  Result<Url> url = Url::parse(fmt::format("{}://{}/v2/", scheme, host));
  return url ? *url : Url{.scheme = scheme, .userinfo = "", .host = "invalid", .port = 1, .target = "/"};
}

// A mirror knows the repository by another name, and is asked with logins of its own.
AuthTarget at_place(AuthTarget target, const Place& place) {
  if (place.is_mirror) target.registry = place.host;
  target.repository = place.repository;
  return target;
}

}  // namespace

Session::Session(Place place, AuthTarget target, const NetworkOptions& options, EventWriter& events)
    : place_(std::move(place)),
      options_(options),
      trust_{.insecure = options.insecure_registries},
      authenticator_(at_place(std::move(target), place_), trust_, options.patience,
                     [&events](const std::string& text) { events.warning(text); }),
      https_(make_base("https", place_.host)),
      http_(make_base("http", place_.host)) {}

Url Session::base() const { return plain_ ? http_ : https_; }

Url Session::url_of(std::string_view path) const {
  Url url = base();
  url.target = place_.repository.empty() ? fmt::format("/v2/{}", path)
                                         : fmt::format("/v2/{}/{}", place_.repository, path);
  return url;
}

std::string Session::shown() const { return fmt::format("{} at {}", place_.repository, place_.name); }

Retry Session::retry(const std::string& what) const {
  Retry retry(options_.patience, what);
  if (place_.is_mirror) retry.limit_unreachable(1);  // the next place is asked instead
  return retry;
}

Exchange Session::perform(HttpClient& client, const RegistryRequest& request, const Url& url,
                          const std::string& authorization) {
  HttpRequest http{.method = request.method,
                   .url = url,
                   .headers = request.headers,
                   .body = request.body,
                   .file = request.file,
                   .sink = request.sink,
                   .max_body = request.max_body,
                   .verify_tls = !trust_.is_insecure(url),
                   .connect_timeout = options_.patience.connect_timeout,
                   .stall_timeout = options_.patience.stall_timeout};
  if (!settled_ && url.scheme == "https" && image::is_loopback_host(url.host))
    http.connect_timeout = kLoopbackProbe;
  if (!authorization.empty()) http.headers.push_back("Authorization: " + authorization);
  Exchange exchange = client.perform(http);
  if (exchange.outcome == Outcome::kAnswered && exchange.response.status == 421) {
    http.new_connection = true;  // "misdirected": this connection was for another name
    exchange = client.perform(http);
  }
  return exchange;
}

Result<Exchange> Session::attempt(HttpClient& client, const RegistryRequest& request) {
  const Url first = request.url ? *request.url : url_of(request.path);
  Url url = first;
  int renewals = 0;
  for (int hops = 0;;) {
    const Url registry = base();
    const bool ours = may_send_credential(registry, url);
    const std::string authorization = ours ? authenticator_.header() : "";
    Exchange exchange = perform(client, request, url, authorization);
    if (!settled_ && ours) {
      const bool no_tls = exchange.outcome == Outcome::kNoTls || exchange.outcome == Outcome::kUnreachable;
      if (no_tls && !plain_ && trust_.may_be_plain(registry)) {
        plain_ = true;
        Exchange plain = perform(client, request, url_of(request.path), "");
        if (plain.outcome != Outcome::kAnswered)
          plain_ = false;  // neither: the next try begins with TLS again
        // A connection that cannot be made at all is one fact, not two.
        if (plain.outcome == Outcome::kUnreachable && exchange.outcome == Outcome::kNoTls)
          plain = std::move(exchange);
        exchange = std::move(plain);
        url = url_of(request.path);
      }
      if (exchange.outcome == Outcome::kAnswered) settled_ = true;
    }
    if (exchange.outcome == Outcome::kRefused) return fail(*exchange.error);
    if (exchange.outcome != Outcome::kAnswered) {
      const std::string note = proxy_note(url);
      if (!note.empty()) exchange.problem += fmt::format(" ({})", note);
      return exchange;
    }
    const int status = exchange.response.status;
    if (status == 401 && may_challenge(base(), url) && renewals < 2) {
      ++renewals;
      const std::string used = authenticator_.header();
      // A header that was sent and is still the current one is stale; another thread's newer one is tried
      // first.
      if (used == authorization || authorization.empty())
        RETURN_IF_ERROR(authenticator_.answer(client, base(), exchange.response, authorization));
      continue;
    }
    const bool follows = request.method == "GET" || request.method == "HEAD";
    if (!is_redirect(status) || !follows) return exchange;
    if (++hops > kMaxRedirects)
      return fail(ErrorKind::kNetwork,
                  fmt::format("{} redirects more than {} times", redacted_url(first), kMaxRedirects));
    ASSIGN_OR_RETURN(Url next, url.resolve(exchange.response.header("location")));
    RETURN_IF_ERROR(check_redirect(url, next));
    url = std::move(next);
  }
}

Result<HttpResponse> Session::request(HttpClient& client, const RegistryRequest& request,
                                      const std::string& what) {
  Retry tries = retry(what);
  while (true) {
    ASSIGN_OR_RETURN(Exchange exchange, attempt(client, request));
    if (exchange.outcome == Outcome::kAnswered && !is_passing_status(exchange.response.status))
      return std::move(exchange.response);
    RETURN_IF_ERROR(tries.next(exchange));
  }
}

Result<Url> Session::location(const HttpResponse& response, const Url& asked) const {
  ASSIGN_OR_RETURN(Url url, asked.resolve(response.header("location")));
  if (!url.userinfo.empty())
    return fail(ErrorKind::kRegistry, fmt::format("{} sends us to an address with a user name", place_.name));
  // Behind a proxy that ends TLS some registries name themselves with http: that is the same place,
  // encrypted.
  if (asked.scheme == "https" && url.scheme == "http" && url.host == asked.host) {
    url.scheme = "https";
    url.port = asked.port;
  }
  RETURN_IF_ERROR(check_redirect(asked, url));
  return url;
}

Error Session::refusal(const HttpResponse& response, const std::string& what) const {
  std::string reason;
  if (const Result<Json> json = parse_json(response.body, "answer")) {
    if (const Json* errors = json_member(*json, "errors"); errors != nullptr && errors->is_array())
      for (const Json& item : *errors)
        reason +=
            fmt::format("{}{}: {}", reason.empty() ? "" : "; ", printable(json_string(item, "code"), 80),
                        printable(json_string(item, "message"), 200));
  }
  const int status = response.status;
  Error error(status == 404 ? ErrorKind::kNotFound : ErrorKind::kRegistry,
              fmt::format("{}: {} answers with status {}{}{}", what, place_.name, status,
                          reason.empty() ? "" : ", ", printable(reason, 400)));
  if (status == 401 || status == 403)
    error.add_hint(place_.repository.empty()
                       ? "the user name or the password is wrong"
                       : "the repository may not exist, or needs a login with more rights ('shale login')");
  return error;
}

}  // namespace shale::registry
