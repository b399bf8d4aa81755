// SPDX-License-Identifier: Apache-2.0
#include "registry/authenticator.h"

#include <fmt/format.h>

#include "registry/retry.h"

namespace shale::registry {

namespace {

constexpr std::size_t kMaxTokenBytes = std::size_t{1} << 20;

bool header_safe(std::string_view text) {
  for (char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  return true;
}

}  // namespace

Authenticator::Authenticator(AuthTarget target, HostTrust trust, Patience patience,
                             std::function<void(std::string)> warn)
    : target_(std::move(target)), trust_(std::move(trust)), patience_(patience), warn_(std::move(warn)) {}

std::string Authenticator::header() {
  const std::lock_guard lock(mutex_);
  return header_;
}

Result<Credential> Authenticator::credential() {
  if (!credential_ && target_.login) credential_ = target_.login;
  if (!credential_) {
    Result<Credential> found = find_credential(target_.registry, target_.repository, warn_);
    if (!found)
      return fail(
          std::move(found.error()).context(fmt::format("looking for a login at {}", target_.registry)));
    credential_ = std::move(*found);
  }
  return *credential_;
}

Status Authenticator::answer(HttpClient& client, const Url& registry, const HttpResponse& response,
                             const std::string& used) {
  const std::lock_guard lock(mutex_);
  if (header_ != used) return {};
  std::vector<Challenge> challenges;
  for (const auto& [name, value] : response.headers) {
    if (name != "www-authenticate") continue;
    for (Challenge& challenge : parse_challenges(value)) challenges.push_back(std::move(challenge));
  }
  const Challenge* challenge = choose_challenge(challenges);
  if (challenge == nullptr)
    return fail(
        ErrorKind::kRegistry,
        fmt::format("{} wants a login but names no way that we know (Bearer, Basic)", registry.authority()));
  ASSIGN_OR_RETURN(const Credential login, credential());
  if (challenge->scheme == "bearer") {
    if (!login.registry_token.empty() && header_safe(login.registry_token)) {
      header_ = "Bearer " + login.registry_token;
      return {};
    }
    ASSIGN_OR_RETURN(const std::string token, fetch_token(client, registry, *challenge));
    header_ = "Bearer " + token;
    return {};
  }
  if (login.user.empty())
    return fail(
        Error(ErrorKind::kRegistry, fmt::format("{} wants a user name and password", registry.authority()))
            .hint(fmt::format("log in with 'shale login {}'", target_.registry)));
  header_ = "Basic " + base64_encode(login.user + ":" + login.password);
  return {};
}

Result<std::string> Authenticator::fetch_token(HttpClient& client, const Url& registry,
                                               const Challenge& challenge) {
  const auto parameter = [&](const char* name) {
    const auto found = challenge.parameters.find(name);
    return found == challenge.parameters.end() ? std::string{} : found->second;
  };
  ASSIGN_OR_RETURN(Url realm, check_realm(registry, parameter("realm"), trust_));
  const std::string service = parameter("service");
  std::vector<std::string> scopes;
  if (!target_.repository.empty()) scopes.push_back(repository_scope(target_.repository, target_.push));
  for (const std::string& other : target_.read_also) scopes.push_back(repository_scope(other, false));
  ASSIGN_OR_RETURN(const Credential login, credential());

  HttpRequest request;
  request.verify_tls = !trust_.is_insecure(realm);
  request.max_body = kMaxTokenBytes;
  request.connect_timeout = patience_.connect_timeout;
  request.stall_timeout = patience_.stall_timeout;
  const Url shown = realm;
  if (!login.identity_token.empty()) {
    request.method = "POST";
    request.headers = {"Content-Type: application/x-www-form-urlencoded"};
    std::string scope;
    for (const std::string& one : scopes) scope += (scope.empty() ? "" : " ") + one;
    request.body =
        fmt::format("grant_type=refresh_token&client_id=shale&service={}&scope={}&refresh_token={}",
                    percent_encode(service), percent_encode(scope), percent_encode(login.identity_token));
  } else {
    if (!service.empty()) realm.add_query("service", service);
    for (const std::string& scope : scopes) realm.add_query("scope", scope);
    if (!login.user.empty()) {
      realm.add_query("account", login.user);
      request.headers = {"Authorization: Basic " + base64_encode(login.user + ":" + login.password)};
    }
  }
  request.url = realm;
  Retry retry(patience_, fmt::format("fetch a token from {}", redacted_url(shown)));
  while (true) {
    const Exchange exchange = client.perform(request);
    if (exchange.outcome == Outcome::kAnswered && !is_passing_status(exchange.response.status)) {
      const int status = exchange.response.status;
      if (status == 200) {
        Result<Token> token = parse_token(exchange.response.body);
        if (!token)
          return fail(std::move(token.error()).context(fmt::format("from {}", redacted_url(shown))));
        return token->text;
      }
      Error error(ErrorKind::kRegistry, fmt::format("fetch a token from {}: it answers with status {}",
                                                    redacted_url(shown), status));
      if (status == 401 || status == 403)
        error.add_hint(target_.login   ? "the user name or the password is wrong"
                       : login.empty() ? fmt::format("log in with 'shale login {}'", target_.registry)
                                       : "the stored login is not accepted: log in again");
      return fail(std::move(error));
    }
    RETURN_IF_ERROR(retry.next(exchange));
  }
}

}  // namespace shale::registry
