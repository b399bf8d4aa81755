// SPDX-License-Identifier: Apache-2.0
#include "registry/auth_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shale::registry {
namespace {

const char* const kPlaces[] = {
    "https://r.example/",        "https://r.example:8443/", "http://r.example/",
    "https://sub.r.example/",    "https://evil.example/",   "https://r.example.evil/",
    "http://127.0.0.1:5000/",    "https://127.0.0.1:5000/", "http://localhost:5000/",
    "https://insecure.example/", "http://insecure.example/"};

Url at(const char* text) { return *Url::parse(text); }

// Every pair of a registry and a place that a request of it could go to, or a challenge come from.
TEST(Credentials, GoToTheRegistryItselfAndNowhereElse) {
  for (const char* registry : kPlaces)
    for (const char* target : kPlaces) {
      const bool same = std::string_view(registry) == target;
      EXPECT_EQ(may_send_credential(at(registry), at(target)), same) << registry << " → " << target;
      EXPECT_EQ(may_challenge(at(registry), at(target)), same) << registry << " ← " << target;
    }
}

TEST(Redirects, NeverLoseEncryption) {
  for (const char* from : kPlaces)
    for (const char* to : kPlaces) {
      const bool loses = at(from).scheme == "https" && at(to).scheme == "http";
      EXPECT_EQ(check_redirect(at(from), at(to)).has_value(), !loses) << from << " → " << to;
    }
  EXPECT_FALSE(check_redirect(at("http://a/"), at("http://user@b/")).has_value());
}

// Every pair of a registry and a realm it could name.
TEST(Realm, IsEncryptedUnlessBothMayBePlain) {
  const HostTrust trust{.insecure = {"insecure.example"}};
  const auto plain = [](const char* text) {
    const std::string host = at(text).host;
    return host == "127.0.0.1" || host == "localhost" || host == "insecure.example";
  };
  for (const char* registry : kPlaces)
    for (const char* realm : kPlaces) {
      const bool allowed = at(realm).scheme == "https" || (plain(registry) && plain(realm));
      EXPECT_EQ(check_realm(at(registry), realm, trust).has_value(), allowed)
          << registry << " names " << realm;
    }
  for (const char* realm : {"", "file:///x", "//host/x", "https://u:p@h/", "https://h/ x", "https://h\"/"})
    EXPECT_FALSE(check_realm(at("https://r.example/"), realm, trust).has_value()) << realm;
}

TEST(Trust, NamesHostsWithOrWithoutPort) {
  const HostTrust trust{.insecure = {"a.example", "b.example:5000"}};
  EXPECT_TRUE(trust.is_insecure(at("http://a.example:77/")));
  EXPECT_TRUE(trust.is_insecure(at("http://b.example:5000/")));
  EXPECT_FALSE(trust.is_insecure(at("http://b.example:5001/")));
  EXPECT_FALSE(trust.is_insecure(at("http://127.0.0.1/")));
  EXPECT_TRUE(trust.may_be_plain(at("http://127.0.0.1/")));
  EXPECT_FALSE(trust.may_be_plain(at("http://127.0.0.1.example.com/")));
}

TEST(Challenge, BearerComesBeforeBasic) {
  EXPECT_EQ(choose_challenge(parse_challenges("Basic realm=\"x\", Bearer realm=\"y\""))->scheme, "bearer");
  EXPECT_EQ(choose_challenge(parse_challenges("Digest x=1, Basic realm=\"x\""))->scheme, "basic");
  EXPECT_EQ(choose_challenge(parse_challenges("Negotiate")), nullptr);
}

TEST(Token, IsReadStrictly) {
  const Result<Token> token = parse_token(R"({"access_token":"abc","expires_in":300})");
  ASSERT_TRUE(token.has_value());
  EXPECT_EQ(token->text, "abc");
  EXPECT_EQ(token->lifetime, std::chrono::seconds(300));
  for (const char* lifetime : {"-1", "0", "\"x\"", "null"})
    EXPECT_EQ(parse_token(std::string(R"({"token":"a","expires_in":)") + lifetime + "}")->lifetime,
              std::chrono::seconds(60));
  EXPECT_EQ(parse_token(R"({"token":"a","expires_in":1000000000000000000})")->lifetime,
            std::chrono::hours(1));
  for (const char* text : {"", "<html>", "[]", "{}", R"({"token":1})", R"({"token":["a"]})",
                           R"({"token":""})", R"({"token":"a","access_token":"b"})", R"({"token":"a\r\nb"})",
                           R"({"token":"a b"})", R"({"token":"\u00e4"})"})
    EXPECT_FALSE(parse_token(text).has_value()) << text;
  EXPECT_FALSE(parse_token(R"({"token":")" + std::string(2 << 20, 'x') + "\"}").has_value());
}

}  // namespace
}  // namespace shale::registry
