// SPDX-License-Identifier: Apache-2.0
// Authenticator: answers a registry's challenges with what the user's logins hold, and keeps the token.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "registry/auth_policy.h"
#include "registry/credentials.h"
#include "registry/http_client.h"

namespace shale::registry {

struct AuthTarget {
  std::string registry;    // as logins know it: "docker.io"
  std::string repository;  // as the registry knows it; "" = none: whether the login itself is taken
  bool push = false;
  std::vector<std::string> read_also;  // further repositories a token is to read (mounts)
  std::optional<Credential> login;     // instead of what the user's files hold
};

// Any thread. The user's logins are looked at only when the registry asks.
class Authenticator {
 public:
  Authenticator(AuthTarget target, HostTrust trust, Patience patience, std::function<void(std::string)> warn);

  // The value of the Authorization field to send to the registry now; "" = none yet.
  [[nodiscard]] std::string header();
  // The registry answered 401 to a request that carried `used`: gets what it asks for. When another thread
  // has done so meanwhile, there is nothing left to do.
  Status answer(HttpClient& client, const Url& registry, const HttpResponse& response,
                const std::string& used);

 private:
  Result<Credential> credential();
  Result<std::string> fetch_token(HttpClient& client, const Url& registry, const Challenge& challenge);

  AuthTarget target_;
  HostTrust trust_;
  Patience patience_;
  std::function<void(std::string)> warn_;
  std::mutex mutex_;
  std::string header_;
  std::optional<Credential> credential_;
};

}  // namespace shale::registry
