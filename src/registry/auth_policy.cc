// SPDX-License-Identifier: Apache-2.0
#include "registry/auth_policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "image/reference.h"

namespace shale::registry {

namespace {

constexpr std::int64_t kShortestLifetime = 60;  // the token specification's default and minimum
constexpr std::int64_t kLongestLifetime = 3600;
constexpr std::size_t kMaxTokenBytes = std::size_t{1} << 20;

}  // namespace

bool HostTrust::is_insecure(const Url& url) const {
  return std::ranges::any_of(insecure, [&](const std::string& name) {
    return name == url.authority() || name == fmt::format("{}:{}", url.host, url.port) || name == url.host;
  });
}

bool HostTrust::may_be_plain(const Url& url) const {
  return image::is_loopback_host(url.host) || is_insecure(url);
}

bool may_send_credential(const Url& registry, const Url& target) { return registry.same_origin(target); }

bool may_challenge(const Url& registry, const Url& sender) { return registry.same_origin(sender); }

Status check_redirect(const Url& from, const Url& to) {
  const auto bad = [&](std::string_view why) {
    return fail(ErrorKind::kNetwork,
                fmt::format("{} redirects to {}, which {}", redacted_url(from), redacted_url(to), why));
  };
  if (!to.userinfo.empty()) return bad("carries a user name");
  if (from.scheme == "https" && to.scheme != "https") return bad("is not encrypted");
  return {};
}

Result<Url> check_realm(const Url& registry, std::string_view realm, const HostTrust& trust) {
  const auto bad = [&](std::string_view why) {
    return fail(ErrorKind::kRegistry,
                fmt::format("{} asks to fetch a token from {}, which {}", registry.authority(),
                            realm.empty() ? "nowhere" : redacted_url(realm), why));
  };
  if (realm.empty()) return bad("is no address");
  const Result<Url> url = Url::parse(realm);
  if (!url) return bad("is not an http or https address");
  if (!url->userinfo.empty()) return bad("carries a user name");
  if (url->scheme == "https") return *url;
  if (!trust.may_be_plain(registry) || !trust.may_be_plain(*url)) return bad("is not encrypted");
  return *url;
}

const Challenge* choose_challenge(const std::vector<Challenge>& challenges) {
  for (const char* scheme : {"bearer", "basic"})
    for (const Challenge& challenge : challenges)
      if (challenge.scheme == scheme) return &challenge;
  return nullptr;
}

std::string repository_scope(std::string_view repository, bool push) {
  return fmt::format("repository:{}:{}", repository, push ? "pull,push" : "pull");
}

Result<Token> parse_token(std::string_view text) {
  const auto bad = [](std::string_view why) {
    return fail(ErrorKind::kRegistry, fmt::format("the token server's answer {}", why));
  };
  if (text.size() > kMaxTokenBytes) return bad("is larger than 1 MiB");
  const Result<Json> json = parse_json(text, "answer");
  if (!json || !json->is_object()) return bad("is not a JSON object");
  const auto member = [&](const char* key) -> std::optional<std::string> {
    const Json* found = json_member(*json, key);
    if (found == nullptr || found->is_null()) return "";
    if (!found->is_string()) return std::nullopt;
    return found->get<std::string>();
  };
  const std::optional<std::string> first = member("token");
  const std::optional<std::string> second = member("access_token");
  if (!first || !second) return bad("has a token that is not a string");
  if (!first->empty() && !second->empty() && *first != *second) return bad("has two different tokens");
  Token token{.text = first->empty() ? *second : *first};
  if (token.text.empty()) return bad("has no token");
  if (std::ranges::any_of(token.text, [](char c) { return c <= 0x20 || c >= 0x7f; }))
    return bad("has a token with characters that no header may carry");
  // Anything but a sensible number counts as the minimum.
  token.lifetime = std::chrono::seconds(
      std::clamp(json_int(*json, "expires_in", kShortestLifetime), kShortestLifetime, kLongestLifetime));
  return token;
}

}  // namespace shale::registry
