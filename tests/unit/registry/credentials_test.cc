// SPDX-License-Identifier: Apache-2.0
#include "registry/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "registry/mirror.h"

namespace shale::registry {
namespace {

std::string auth(const std::string& user) { return base64_encode(user + ":pw"); }

// The user that a file gives for a repository; "" = none.
std::string user_for(const std::string& file, const char* registry, const char* repository = "a/b") {
  const Result<CredentialLookup> found = lookup_credential(*parse_json(file, "file"), registry, repository);
  EXPECT_TRUE(found.has_value());
  if (!found || !found->credential) return "";
  return found->credential->user;
}

TEST(Credentials, KeysAreTakenInEveryFormThatLoginsWrite) {
  for (const char* key : {"https://index.docker.io/v1/", "docker.io", "index.docker.io",
                          "registry-1.docker.io", "https://registry-1.docker.io/v2/", "http://docker.io"})
    EXPECT_EQ(user_for(R"({"auths":{")" + std::string(key) + R"(":{"auth":")" + auth("me") + R"("}}})",
                       "docker.io"),
              "me")
        << key;
  const std::string file = R"({"auths":{"https://r.example:5000":{"username":"me","password":"x"}}})";
  EXPECT_EQ(user_for(file, "r.example:5000"), "me");
  EXPECT_EQ(user_for(file, "r.example"), "");
  EXPECT_EQ(user_for(file, "r.example:50001"), "");
}

TEST(Credentials, TheLongestPrefixWins) {
  const std::string file = R"({"auths":{"r/a":{"auth":")" + auth("ns") + R"("},"r":{"auth":")" + auth("all") +
                           R"("},"r/a/b":{"auth":")" + auth("repo") + R"("},"r/a/bc":{"auth":")" +
                           auth("no") + R"("}}})";
  EXPECT_EQ(user_for(file, "r", "a/b"), "repo");
  EXPECT_EQ(user_for(file, "r", "a/c"), "ns");
  EXPECT_EQ(user_for(file, "r", "ab"), "all");
  EXPECT_EQ(user_for(file, "rr", "a/b"), "");
}

TEST(Credentials, TokensAndHelpers) {
  const auto look = [](const char* text) {
    return *lookup_credential(*parse_json(text, "file"), "docker.io", "a/b");
  };
  EXPECT_EQ(look(R"({"auths":{"docker.io":{"identitytoken":"t"}}})").credential->identity_token, "t");
  const CredentialLookup store = look(R"({"auths":{"docker.io":{}},"credsStore":"desktop"})");
  EXPECT_EQ(store.helper, "desktop");
  EXPECT_EQ(store.helper_key, "https://index.docker.io/v1/");
  EXPECT_EQ(look(R"({"credHelpers":{"docker.io":"one"},"credsStore":"two"})").helper, "one");
  EXPECT_EQ(look(R"({"credHelpers":{"other":"one"}})").helper, "");
}

TEST(Credentials, HostileFilesAreRefused) {
  for (const char* text : {R"({"credsStore":"../x"})", R"({"credsStore":"a/b"})",
                           R"({"credHelpers":{"r":"a b"}})", R"({"credHelpers":{"r":""}})",
                           R"({"auths":{"r":{"auth":"!!"}}})", R"({"auths":{"r":{"auth":"bm9jb2xvbg=="}}})"})
    EXPECT_FALSE(lookup_credential(*parse_json(text, "file"), "r", "a").has_value()) << text;
  // Wrong types say nothing.
  for (const char* text : {"[]", R"({"auths":[]})", R"({"auths":{"r":1}})", R"({"credHelpers":{"r":1}})"}) {
    const auto found = lookup_credential(*parse_json(text, "file"), "r", "a");
    ASSERT_TRUE(found.has_value()) << text;
    EXPECT_FALSE(found->credential.has_value());
  }
}

TEST(Base64, RoundTripsAnyBytes) {
  std::mt19937 random(4);
  for (std::size_t size = 0; size < 200; ++size) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
  }
  EXPECT_EQ(base64_decode("YTpi"), "a:b");
  EXPECT_EQ(base64_decode("YTo"), "a:");
  for (const char* text : {"a", "a===", "YTpi!", "=YTp", "YT=i"})
    EXPECT_EQ(base64_decode(text), std::nullopt) << text;
}

TEST(Mirrors, AreReadAndAskedInOrder) {
  const auto mirrors =
      parse_mirrors("docker.io=127.0.0.1:5000, docker.io=cache.example/hub/, quay.io=[::1]:80");
  ASSERT_TRUE(mirrors.has_value());
  const auto places = places_of(*image::ImageRef::parse("alpine"), *mirrors);
  ASSERT_EQ(places.size(), 3U);
  EXPECT_EQ(places[0].host, "127.0.0.1:5000");
  EXPECT_EQ(places[0].repository, "library/alpine");
  EXPECT_EQ(places[1].repository, "hub/library/alpine");
  EXPECT_EQ(places[2].host, "registry-1.docker.io");
  EXPECT_FALSE(places[2].is_mirror);
  EXPECT_EQ(places_of(*image::ImageRef::parse("ghcr.io/a/b"), *mirrors).size(), 1U);
  EXPECT_TRUE(parse_mirrors("")->empty());
  for (const char* text : {"docker.io", "=x", "docker.io=", "docker.io=http://x", "docker.io=a/../b",
                           "docker.io=a:0", "docker.io=u@h", "a b=c"})
    EXPECT_FALSE(parse_mirrors(text).has_value()) << text;
}

}  // namespace
}  // namespace shale::registry
