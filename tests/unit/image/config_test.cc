// SPDX-License-Identifier: Apache-2.0
#include "image/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace shale::image {
namespace {

using testing::ElementsAre;

// As BuildKit writes it, with every member in use.
const std::string kFull =
    R"({"architecture":"arm64","author":"me","config":{"User":"1000:1000","ExposedPorts":{"53/udp":{},"80/tcp":{}},)"
    R"("Env":["PATH=/bin","A=b=c","E="],"Entrypoint":["/e"],"Cmd":["a","ü\n"],"Volumes":{"/data":{}},)"
    R"("WorkingDir":"/w","Labels":{"a":"1","b":""},"StopSignal":"SIGINT","ArgsEscaped":true,)"
    R"("Healthcheck":{"Test":["CMD-SHELL","true"],"Interval":30000000000,"Timeout":1000000000,"StartPeriod":5,)"
    R"("StartInterval":6,"Retries":3},"OnBuild":["RUN x"],"Shell":["/bin/bash","-c"]},)"
    R"("created":"2024-01-02T03:04:05Z","history":[{"created":"2024-01-02T03:04:05Z","created_by":"ADD x","author":"q",)"
    R"("comment":"c"},{"created_by":"CMD","empty_layer":true}],"os":"linux","os.features":["f"],"os.version":"1.2",)"
    R"("rootfs":{"type":"layers","diff_ids":["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]},)"
    R"("variant":"v8"})";

TEST(ImageConfig, ReadsAndWritesTheSameBytes) {
  const Result<ImageConfig> config = ImageConfig::parse(kFull);
  ASSERT_TRUE(config.has_value()) << config.error().message();
  EXPECT_EQ(config->to_json(), kFull);
  EXPECT_EQ(config->healthcheck->interval, std::chrono::seconds(30));
  EXPECT_TRUE(config->cmd_set);
  EXPECT_TRUE(config->history[1].empty_layer);
}

TEST(ImageConfig, LeavesEmptyMembersOut) {
  EXPECT_EQ(ImageConfig{}.to_json(),
            R"({"architecture":"amd64","config":{},"os":"linux","rootfs":{"type":"layers","diff_ids":[]}})");
}

TEST(ImageConfig, TellsAnEmptyListFromNull) {
  const Result<ImageConfig> config =
      ImageConfig::parse(R"({"config":{"Entrypoint":[],"Cmd":null,"Volumes":null}})");
  ASSERT_TRUE(config.has_value());
  EXPECT_TRUE(config->entrypoint_set);
  EXPECT_FALSE(config->cmd_set);
}

TEST(ImageConfig, DropsEnvEntriesWithoutAName) {
  const Result<ImageConfig> config =
      ImageConfig::parse(R"({"config":{"Env":["AWS_SECRET_ACCESS_KEY","A*","*","=x","","B=1"]}})");
  ASSERT_TRUE(config.has_value());
  EXPECT_THAT(config->env, ElementsAre("B=1"));
}

TEST(ImageConfig, EnvIsReplacedInPlaceOrAppended) {
  ImageConfig config;
  config.env = {"A=1", "AB=2"};
  config.set_env("A", "3");
  config.set_env("C", "");
  EXPECT_THAT(config.env, ElementsAre("A=3", "AB=2", "C="));
  EXPECT_EQ(config.env_value("AB"), "2");
  EXPECT_EQ(config.env_value("C"), "");
  EXPECT_EQ(config.env_value("B"), std::nullopt);
}

TEST(ImageConfig, RefusesWrongTypesAndImpossibleValues) {
  for (const std::string text : {R"([])",
                                 R"("x")",
                                 R"({)",
                                 R"({"config":[]})",
                                 R"({"config":{"Env":"A=1"}})",
                                 R"({"config":{"Env":[1]}})",
                                 R"({"config":{"User":1}})",
                                 R"({"config":{"Labels":{"a":1}}})",
                                 R"({"config":{"ExposedPorts":["80"]}})",
                                 R"({"config":{"Healthcheck":{"Interval":"30s"}}})",
                                 R"({"config":{"Healthcheck":{"Interval":1.5}}})",
                                 R"({"config":{"Healthcheck":{"Retries":99999999999}}})",
                                 R"({"config":{"Healthcheck":{"Interval":1e400}}})",
                                 R"({"rootfs":{"type":"other"}})",
                                 R"({"rootfs":{"diff_ids":["sha256:../x"]}})",
                                 R"({"rootfs":{"diff_ids":[null]}})",
                                 R"({"history":{}})",
                                 R"({"history":[1]})",
                                 R"({"history":[{"empty_layer":"yes"}]})",
                                 R"({"os":"../../x"})",
                                 R"({"variant":"a/b"})",
                                 R"({"created":1})",
                                 R"({"config":{"User":"a\u0000b"}})",
                                 R"({"config":{"Env":["A=\u0000"]}})",
                                 R"({"config":{"Cmd":["\u0000"]}})",
                                 R"({"config":{},"config":{}})"}) {
    const Result<ImageConfig> config = ImageConfig::parse(text);
    ASSERT_FALSE(config.has_value()) << text;
    EXPECT_EQ(config.error().kind(), ErrorKind::kCorrupt) << text;
  }
  EXPECT_FALSE(ImageConfig::parse(std::string(std::size_t{5} << 20, ' ')).has_value());
  EXPECT_FALSE(ImageConfig::parse(std::string(1'000'000, '[')).has_value());
}

TEST(ImageConfigFuzz, DamagedTextNeverCrashesAndAcceptedTextIsStable) {
  std::mt19937 random(11);
  for (int i = 0; i < 3000; ++i) {
    std::string text = kFull;
    for (std::size_t n = 1 + random() % 4; n > 0; --n)
      text[random() % text.size()] =
          random() % 4 == 0 ? static_cast<char>(random()) : R"([]{}":,0e-n\u)"[random() % 13];
    const Result<ImageConfig> config = ImageConfig::parse(text);
    if (!config) continue;
    const std::string once = config->to_json();
    const Result<ImageConfig> again = ImageConfig::parse(once);
    ASSERT_TRUE(again.has_value()) << text;
    ASSERT_EQ(again->to_json(), once);
  }
}

}  // namespace
}  // namespace shale::image
