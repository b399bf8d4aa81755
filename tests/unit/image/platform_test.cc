// SPDX-License-Identifier: Apache-2.0
#include "image/platform.h"

#include <gtest/gtest.h>

namespace shale::image {
namespace {

TEST(Platform, AliasesHaveOneNormalForm) {
  const std::pair<const char*, const char*> cases[] = {{"linux/x86_64", "linux/amd64"},
                                                       {"linux/amd64/v1", "linux/amd64"},
                                                       {"linux/amd64/v3", "linux/amd64/v3"},
                                                       {"aarch64", "linux/arm64"},
                                                       {"linux/arm64/v8", "linux/arm64"},
                                                       {"linux/arm64/v9", "linux/arm64/v9"},
                                                       {"arm", "linux/arm/v7"},
                                                       {"linux/arm/v6", "linux/arm/v6"},
                                                       {"armel", "linux/arm/v6"},
                                                       {"LINUX/AMD64", "linux/amd64"},
                                                       {"i686", "linux/386"},
                                                       {"linux/riscv64", "linux/riscv64"},
                                                       {"macos/arm64", "darwin/arm64"},
                                                       {"linux/arm/7", "linux/arm/v7"},
                                                       {"s390x", "linux/s390x"},
                                                       {"windows(10.0.1)/amd64", "windows(10.0.1)/amd64"}};
  for (const auto& [text, normal] : cases) {
    const Result<Platform> platform = Platform::parse(text);
    ASSERT_TRUE(platform.has_value()) << text;
    EXPECT_EQ(platform->to_string(), normal) << text;
    EXPECT_EQ(Platform::parse(platform->to_string())->to_string(), normal);
  }
}

TEST(Platform, NeverBecomesAPath) {
  for (const char* text : {"", "linux/", "/amd64", "linux/../x", "linux/amd64/v1/x", "../..", "linux/a b",
                           "li\nnux/amd64", "linux/amd64/..", "linux(../x)/amd64"})
    EXPECT_FALSE(Platform::parse(text).has_value()) << text;
}

TEST(Platform, SystemAloneMeansThisArchitecture) {
  EXPECT_EQ(Platform::parse("linux")->to_string(), Platform::host().to_string());
}

TEST(Platform, WordAloneIsOneThatIsKnown) {
  EXPECT_EQ(Platform::parse("WASM")->to_string(), "linux/wasm");
  EXPECT_FALSE(Platform::parse("bogus").has_value());
}

}  // namespace
}  // namespace shale::image
