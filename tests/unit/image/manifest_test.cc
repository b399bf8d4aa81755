// SPDX-License-Identifier: Apache-2.0
#include "image/manifest.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace shale::image {
namespace {

std::string digest(char c) { return "sha256:" + std::string(64, c); }

std::string manifest_text(std::string_view size = "7", std::string_view more = "") {
  return fmt::format(
      R"({{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"{}","digest":"{}","size":{}}},)"
      R"("layers":[{{"mediaType":"{}","digest":"{}","size":8}}]{}}})",
      kOciManifest, kOciConfig, digest('a'), size, kOciLayerGzip, digest('b'), more);
}

std::string entry(char c, std::string_view platform) {
  return fmt::format(R"({{"mediaType":"{}","digest":"{}","size":1,"platform":{}}})", kOciManifest, digest(c),
                     platform);
}
std::string index_text(const std::string& entries, std::string_view type = kOciIndex) {
  return fmt::format(R"({{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}})", type, entries);
}

TEST(Manifest, ReadsAndWritesTheSameBytes) {
  const std::string text = manifest_text("7", R"(,"annotations":{"k":"v"})");
  const Result<ManifestOrIndex> parsed = parse_manifest(text, kOciManifest);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message();
  const auto& manifest = std::get<Manifest>(*parsed);
  EXPECT_EQ(manifest.layers[0].size, 8U);
  EXPECT_EQ(manifest.to_json(), text);
}

TEST(Manifest, TypeComesFromTheDocumentTheHeaderOrTheShape) {
  std::string text = manifest_text();
  text.erase(text.find(R"("mediaType")"), text.find(R"("config")") - text.find(R"("mediaType")"));
  EXPECT_EQ(std::get<Manifest>(*parse_manifest(text, "")).media_type, kOciManifest);
  EXPECT_EQ(std::get<Manifest>(*parse_manifest(text, kDockerManifest)).media_type, kDockerManifest);
  EXPECT_TRUE(parse_manifest(manifest_text(), "application/json; charset=utf-8").has_value());
}

TEST(Manifest, RefusesWhatHasTwoMeaningsOrImpossibleNumbers) {
  const std::string index = index_text(entry('a', "null"));
  const std::pair<std::string, std::string> cases[] = {
      {manifest_text(), std::string(kDockerManifest)},
      {manifest_text(), std::string(kOciIndex)},
      {index, std::string(kOciManifest)},
      {manifest_text("7", R"(,"manifests":[])"), ""},
      {manifest_text("7", R"(,"fsLayers":[])"), ""},
      {index_text("", kOciManifest), ""},
      {index_text("", "text/html"), ""},
      {manifest_text("-1"), ""},
      {manifest_text("1.5"), ""},
      {manifest_text("9223372036854775808"), ""},
      {manifest_text("1e3"), ""},
      {manifest_text("\"7\""), ""},
      {manifest_text("null"), ""},
      {manifest_text("NaN"), ""},
      {"\xef\xbb\xbf[]", ""},
      {R"({"schemaVersion":2})", ""},
      {R"({"schemaVersion":3,"manifests":[]})", ""},
      {R"({"schemaVersion":2,"layers":[]})", ""},
      {R"({"schemaVersion":2,"config":{"digest":"sha512:00","size":1},"layers":[]})", ""},
      {index_text(entry('a', R"({"os":"../../x","architecture":"amd64"})")), ""},
      {index_text(entry('a', R"({"os":"linux","architecture":"a/b"})")), ""},
      {R"({"schemaVersion":2,"schemaVersion":2,"manifests":[]})", ""},
      {"null", ""},
      {"", ""}};
  for (const auto& [text, type] : cases)
    EXPECT_FALSE(parse_manifest(text, type).has_value()) << text << ' ' << type;

  std::string many;
  for (int i = 0; i < 1001; ++i) many += (i == 0 ? "" : ",") + entry('a', "null");
  EXPECT_FALSE(parse_manifest(index_text(many), "").has_value());
  EXPECT_FALSE(parse_manifest(manifest_text() + std::string(std::size_t{4} << 20, ' '), "").has_value());
}

TEST(Manifest, RefusesSchema1ByName) {
  const Result<ManifestOrIndex> parsed = parse_manifest(
      R"({"schemaVersion":1,"fsLayers":[]})", "application/vnd.docker.distribution.manifest.v1+prettyjws");
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error().kind(), ErrorKind::kUnsupported);
  EXPECT_THAT(parsed.error().message(), testing::HasSubstr("schema 1"));
}

TEST(Manifest, DoesNotKeepUrlsOfForeignLayers) {
  const std::string text = fmt::format(
      R"({{"schemaVersion":2,"config":{{"digest":"{0}","size":1}},"layers":[{{"digest":"{0}","size":1,)"
      R"("urls":["http://169.254.169.254/"],"data":"eA=="}}]}})",
      digest('a'));
  const Result<ManifestOrIndex> parsed = parse_manifest(text, "");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_THAT(std::get<Manifest>(*parsed).to_json(), testing::Not(testing::HasSubstr("169.254")));
}

// Which of the entries (a, b, c …) a platform gets; '-' = none.
char chosen(const std::string& entries, const char* platform) {
  const Result<ManifestOrIndex> parsed = parse_manifest(index_text(entries), "");
  const Descriptor* found = std::get<Index>(*parsed).find(*Platform::parse(platform));
  return found == nullptr ? '-' : found->digest.hex()[0];
}

TEST(Index, FindsThePlatform) {
  const std::string usual = entry('a', R"({"os":"linux","architecture":"amd64"})") + "," +
                            entry('b', R"({"os":"linux","architecture":"arm","variant":"v5"})") + "," +
                            entry('c', R"({"os":"linux","architecture":"arm","variant":"v6"})") + "," +
                            entry('d', R"({"os":"linux","architecture":"arm64","variant":"v8"})") + "," +
                            entry('e', R"({"os":"windows","architecture":"amd64"})") + "," +
                            entry('f', R"({"os":"unknown","architecture":"unknown"})");
  EXPECT_EQ(chosen(usual, "linux/amd64"), 'a');
  EXPECT_EQ(chosen(usual, "linux/amd64/v3"), 'a');
  EXPECT_EQ(chosen(usual, "linux/arm"), 'c');
  EXPECT_EQ(chosen(usual, "linux/arm/v5"), 'b');
  EXPECT_EQ(chosen(usual, "linux/arm64"), 'd');
  EXPECT_EQ(chosen(usual, "windows/amd64"), 'e');
  EXPECT_EQ(chosen(usual, "linux/s390x"), '-');
  EXPECT_EQ(chosen(usual, "unknown/unknown"), '-');
  EXPECT_EQ(chosen(entry('a', R"({"os":"linux","architecture":"arm","variant":"v7"})"), "linux/arm/v6"), '-');
  EXPECT_EQ(chosen(entry('a', "null"), "linux/amd64"), 'a');
}

TEST(ManifestFuzz, DamagedTextNeverCrashesAndAcceptedTextIsStable) {
  std::mt19937 random(5);
  for (int i = 0; i < 5000; ++i) {
    std::string text = i % 2 == 0
                           ? manifest_text("7", R"(,"annotations":{"k":"v"})")
                           : index_text(entry('a', R"({"os":"linux","architecture":"arm","variant":"v5"})"));
    for (std::size_t n = 1 + random() % 3; n > 0; --n)
      text[random() % text.size()] =
          random() % 3 == 0 ? static_cast<char>(random()) : R"([]{}":,0e-n2v)"[random() % 13];
    const Result<ManifestOrIndex> parsed = parse_manifest(text, "");
    if (!parsed) continue;
    const std::string once = std::visit([](const auto& document) { return document.to_json(); }, *parsed);
    ASSERT_TRUE(parse_manifest(once, "").has_value()) << text;
  }
}

}  // namespace
}  // namespace shale::image
