// SPDX-License-Identifier: Apache-2.0
#include "registry/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace shale::registry {
namespace {

TEST(Url, PartsAndBack) {
  const std::pair<const char*, const char*> cases[] = {
      {"https://Example.com", "https://example.com/"},
      {"HTTPS://example.com:443/x", "https://example.com/x"},
      {"http://example.com:443/x?a=b#frag", "http://example.com:443/x?a=b"},
      {"http://[::1]:5000/v2/", "http://[::1]:5000/v2/"},
      {"http://[::1]", "http://[::1]/"},
      {"http://a_b:80?q=/@", "http://a_b/?q=/@"},
      {"https://u:p@h/x", "https://h/x"}};
  for (const auto& [text, back] : cases) {
    const Result<Url> url = Url::parse(text);
    ASSERT_TRUE(url.has_value()) << text;
    EXPECT_EQ(url->to_string(), back);
  }
  EXPECT_EQ(Url::parse("https://u:p@h/x")->userinfo, "u:p");
}

TEST(Url, RefusesWhatTwoReadersCouldUnderstandDifferently) {
  for (const char* text :
       {"", "example.com", "ftp://h/", "file:///etc/passwd", "http://", "http:///x", "http://h:0/",
        "http://h:99999/", "http://h:/", "http://h/a b", "http://h/\n", "http://h\\@evil/", "http://a@b@h/",
        "http://h:8x/", "http://[::1/", "http://h%2e/", "javascript:alert(1)", "http://h\xc3\xa9/"})
    EXPECT_FALSE(Url::parse(text).has_value()) << text;
}

TEST(Url, ResolvesLocations) {
  const Url base = *Url::parse("https://h:8443/v2/a/b?x=1");
  const std::pair<const char*, const char*> cases[] = {{"/n?q=http://x/", "https://h:8443/n?q=http://x/"},
                                                       {"c", "https://h:8443/v2/a/c"},
                                                       {"../c", "https://h:8443/v2/c"},
                                                       {"../../../../c", "https://h:8443/c"},
                                                       {"//other/x", "https://other/x"},
                                                       {"http://other/x", "http://other/x"},
                                                       {"?y=2", "https://h:8443/v2/a/b?y=2"},
                                                       {"/a/./b/..", "https://h:8443/a/"}};
  for (const auto& [location, expected] : cases) {
    const Result<Url> url = base.resolve(location);
    ASSERT_TRUE(url.has_value()) << location;
    EXPECT_EQ(url->to_string(), expected) << location;
  }
  for (const char* location : {"", "file:///x", "javascript:x", "data:,x", "gopher://x/"})
    EXPECT_FALSE(base.resolve(location).has_value()) << location;
}

TEST(Url, OriginIsSchemeHostAndPort) {
  const Url url = *Url::parse("https://h/x");
  EXPECT_TRUE(url.same_origin(*Url::parse("https://H:443/y")));
  for (const char* other :
       {"http://h/x", "https://h:444/x", "https://sub.h/x", "https://h.evil/x", "http://h:443/"})
    EXPECT_FALSE(url.same_origin(*Url::parse(other))) << other;
}

TEST(RedactedUrl, HasNoSecret) {
  for (const char* text :
       {"https://user:SECRET@h/x", "https://h/x?X-Amz-Signature=SECRET", "https://h/x#SECRET", "SECRET",
        "https://a:SECRET@b@h/x?SECRET", "http://SECRET@/", "https://h?SECRET"})
    EXPECT_THAT(redacted_url(text), testing::Not(testing::HasSubstr("SECRET"))) << text;
  EXPECT_EQ(redacted_url("https://h/x?s=1"), "https://h/x?…");
}

TEST(UrlFuzz, AcceptedAddressesAreStable) {
  std::mt19937 random(3);
  const std::string alphabet = "ab:/@?#[].%\\-_1\t\xff";
  for (int i = 0; i < 100'000; ++i) {
    std::string text = "http://";
    for (std::size_t n = random() % 16; n > 0; --n) text += alphabet[random() % alphabet.size()];
    const Result<Url> url = Url::parse(text);
    if (!url) continue;
    const Result<Url> again = Url::parse(url->to_string());
    ASSERT_TRUE(again.has_value()) << text;
    ASSERT_TRUE(again->same_origin(*url)) << text;
    ASSERT_EQ(again->to_string(), url->to_string()) << text;
    (void)url->resolve(text.substr(7));
  }
}

}  // namespace
}  // namespace shale::registry
