// SPDX-License-Identifier: Apache-2.0
// AuthPolicy: who may be sent a credential, and where a token may be fetched. Decisions only; no I/O.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/header_fields.h"
#include "registry/url.h"

namespace shale::registry {

// Whether a host may be spoken to without TLS, or with a certificate nobody vouches for.
struct HostTrust {
  std::vector<std::string> insecure;  // "host[:port]"
  [[nodiscard]] bool is_insecure(const Url& url) const;
  // Loopback or insecure.
  [[nodiscard]] bool may_be_plain(const Url& url) const;
};

// A credential of `registry` goes with a request only to the registry's own scheme, host and port
// (CVE-2020-15157).
bool may_send_credential(const Url& registry, const Url& target);

// Whether a challenge that came from `sender` is listened to: only the registry itself may ask for its
// credentials.
bool may_challenge(const Url& registry, const Url& sender);

// Whether a redirect is followed: http and https only, never from https to http, no user name in it.
Status check_redirect(const Url& from, const Url& to);

// Where a token of `registry` may be fetched. https anywhere; http only for a registry that may be plain
// itself, at a host that may be plain too.
Result<Url> check_realm(const Url& registry, std::string_view realm, const HostTrust& trust);

// The challenge to answer: Bearer before Basic; nullptr when neither is there.
const Challenge* choose_challenge(const std::vector<Challenge>& challenges);

// "repository:library/alpine:pull,push". The challenge's own scope is not used: it could ask for anything.
std::string repository_scope(std::string_view repository, bool push);

struct Token {
  std::string text;
  std::chrono::seconds lifetime{60};
};
// The answer of a token server: "token" or "access_token" (equal when both are there), a lifetime of 60 s to
// an hour. Characters that could end a header are refused.
Result<Token> parse_token(std::string_view text);

}  // namespace shale::registry
