// SPDX-License-Identifier: Apache-2.0
#include "image/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace shale::image {
namespace {

const std::string kHex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct GoodCase {
  std::string text;
  std::string full;
  std::string familiar;
};

class GoodReference : public testing::TestWithParam<GoodCase> {};

TEST_P(GoodReference, HasFullAndFamiliarName) {
  const Result<ImageRef> ref = ImageRef::parse(GetParam().text);
  ASSERT_TRUE(ref.has_value()) << ref.error().message();
  EXPECT_EQ(ref->full(), GetParam().full);
  EXPECT_EQ(ref->familiar(), GetParam().familiar);
  // Both names mean the same image again.
  for (const std::string& name : {ref->full(), ref->familiar()}) {
    const Result<ImageRef> again = ImageRef::parse(name);
    ASSERT_TRUE(again.has_value()) << name;
    EXPECT_EQ(again->full(), ref->full());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, GoodReference,
    testing::Values(
        GoodCase{"alpine", "docker.io/library/alpine:latest", "alpine:latest"},
        GoodCase{"node:20", "docker.io/library/node:20", "node:20"},
        GoodCase{"docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest"},
        GoodCase{"index.docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest"},
        GoodCase{"docker.io/library/alpine:3", "docker.io/library/alpine:3", "alpine:3"},
        GoodCase{"grafana/grafana", "docker.io/grafana/grafana:latest", "grafana/grafana:latest"},
        GoodCase{"localhost/x", "localhost/x:latest", "localhost/x:latest"},
        GoodCase{"localhost:5000/x:1", "localhost:5000/x:1", "localhost:5000/x:1"},
        GoodCase{"127.0.0.1:5000/a/b-c/d__e:V_1.2-x", "127.0.0.1:5000/a/b-c/d__e:V_1.2-x",
                 "127.0.0.1:5000/a/b-c/d__e:V_1.2-x"},
        GoodCase{"[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"},
        GoodCase{"Registry/x", "Registry/x:latest", "Registry/x:latest"},
        GoodCase{"ghcr.io/a/b@sha256:" + kHex, "ghcr.io/a/b@sha256:" + kHex, "ghcr.io/a/b@sha256:" + kHex},
        GoodCase{"alpine:3@sha256:" + kHex, "docker.io/library/alpine@sha256:" + kHex,
                 "alpine@sha256:" + kHex},
        GoodCase{"a---b", "docker.io/library/a---b:latest", "a---b:latest"},
        // Shortened, these would name a registry and an image id.
        GoodCase{"docker.io/a.b/c", "docker.io/a.b/c:latest", "docker.io/a.b/c:latest"},
        GoodCase{"library/" + kHex, "docker.io/library/" + kHex + ":latest", "library/" + kHex + ":latest"}));

struct BadCase {
  std::string text;
  std::string rule;  // part of the message
};

class BadReference : public testing::TestWithParam<BadCase> {};

TEST_P(BadReference, NamesTheBrokenRule) {
  const Result<ImageRef> ref = ImageRef::parse(GetParam().text);
  ASSERT_FALSE(ref.has_value()) << ref->full();
  EXPECT_EQ(ref.error().kind(), ErrorKind::kUsage);
  EXPECT_THAT(ref.error().message(), testing::HasSubstr(GetParam().rule));
  EXPECT_THAT(ref.error().message(), testing::Not(testing::HasSubstr("\033")));
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadReference,
    testing::Values(
        BadCase{"", "empty"}, BadCase{"Alpine", "lower case"}, BadCase{"a/../../b", "'..'"},
        BadCase{"a//b", "component is empty"}, BadCase{"/a", "is empty"}, BadCase{"a/", "is empty"},
        BadCase{"host:99999/x", "1 to 65535"}, BadCase{"host:0/x", "1 to 65535"},
        BadCase{"host:/x", "not a port"}, BadCase{"https://ghcr.io/x", "no scheme"},
        BadCase{"a:", "tag is empty"}, BadCase{"a:-x", "begins with"}, BadCase{"a:x y", "' '"},
        BadCase{"a:" + std::string(129, 'x'), "longer than 128"},
        BadCase{std::string(300, 'a'), "longer than 255"}, BadCase{"a@sha256:abc", "64 lower-case"},
        BadCase{"a@sha256:" + std::string(64, 'A'), "64 lower-case"},
        BadCase{"a@md5:" + kHex, "begins with sha256:"}, BadCase{"a@" + kHex, "begins with sha256:"},
        BadCase{kHex, "image id"}, BadCase{"a..b", "at most one '.'"}, BadCase{"a___b", "one or two '_'"},
        BadCase{"-a", "begin and end"}, BadCase{"a-", "begin and end"}, BadCase{"a\033[31m", "not allowed"},
        BadCase{"[::zz]:1/x", "not a host name"}, BadCase{"a b", "' '"},
        BadCase{"-h.example/x", "not a host name"}, BadCase{"a@sha256:" + kHex + "@sha256:" + kHex, "64"}));

TEST(Loopback, IsAnAddressNotAPrefix) {
  for (const char* host : {"localhost", "localhost:5000", "127.0.0.1", "127.9.9.9:80", "[::1]", "[::1]:5000"})
    EXPECT_TRUE(is_loopback_host(host)) << host;
  for (const char* host : {"127.0.0.1.example.com", "localhost.example.com", "128.0.0.1", "127.1", "[::2]",
                           "docker.io", "1270.0.0.1", "xlocalhost"})
    EXPECT_FALSE(is_loopback_host(host)) << host;
}

TEST(ReferenceFuzz, AcceptedNamesRoundTripAndNothingCrashes) {
  std::mt19937 random(7);
  const std::string alphabet = "ab0A._-/:@[]sha256:%\n\033 \xff";
  int accepted = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    for (std::size_t n = random() % 14; n > 0; --n) text += alphabet[random() % alphabet.size()];
    const Result<ImageRef> ref = ImageRef::parse(text);
    if (!ref) continue;
    ++accepted;
    const Result<ImageRef> again = ImageRef::parse(ref->full());
    ASSERT_TRUE(again.has_value()) << text << " → " << ref->full();
    ASSERT_EQ(*again, *ref) << text;
    ASSERT_EQ(ref->repository.find(".."), std::string::npos) << text;
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace shale::image
