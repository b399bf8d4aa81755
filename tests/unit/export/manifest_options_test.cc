// SPDX-License-Identifier: Apache-2.0
#include "export/manifest_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/export/fixture.h"

namespace shale::exporter {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

const image::Platform kAmd64{.os = "linux", .architecture = "amd64", .variant = "", .os_version = ""};
const image::Platform kArm64{.os = "linux", .architecture = "arm64", .variant = "", .os_version = ""};

TEST(ManifestOptions, AnnotationsHaveAPlaceAndAPlatform) {
  const Result<ManifestOptions> options = parse_manifest_options({{"annotation.a.b", "1"},
                                                                  {"annotation-manifest.c", "2"},
                                                                  {"annotation[linux/arm64].d", "3"},
                                                                  {"annotation-manifest-descriptor.e", "4"},
                                                                  {"compression", "zstd"}});
  ASSERT_TRUE(options);
  EXPECT_THAT(options->annotations_for(Annotation::Place::kManifest, kAmd64),
              ElementsAre(Pair("a.b", "1"), Pair("c", "2")));
  EXPECT_THAT(options->annotations_for(Annotation::Place::kManifest, kArm64),
              ElementsAre(Pair("a.b", "1"), Pair("c", "2"), Pair("d", "3")));
  EXPECT_THAT(options->annotations_for(Annotation::Place::kDescriptor, kAmd64), ElementsAre(Pair("e", "4")));
}

TEST(ManifestOptions, WhatNoManifestCanHoldIsRefused) {
  for (const auto& attributes : std::vector<std::map<std::string, std::string>>{
           {{"annotation-index.a", "1"}},
           {{"annotation-index-descriptor.a", "1"}},
           {{"annotation-layer.a", "1"}},
           {{"annotation.", "1"}},
           {{"annotation[linux/amd64", "1"}},
           {{"annotation[li nux].a", "1"}},
           {{"annotation.a", "1"}, {"oci-mediatypes", "false"}},
           {{"compression", "zstd"}, {"oci-mediatypes", "false"}}}) {
    const Result<ManifestOptions> options = parse_manifest_options(attributes);
    ASSERT_FALSE(options) << attributes.begin()->first;
    EXPECT_EQ(options.error().kind(), ErrorKind::kUsage) << attributes.begin()->first;
  }
}

TEST(ManifestOptions, DockersTypesAreOfTheWholeManifest) {
  const ImageBundle bundle{
      .config_json = "{}", .id = Digest::of("{}"), .diff_ids = {}, .layer_ids = {}, .names = {}};
  const auto layer = [](std::string_view type) {
    return image::Descriptor{.media_type = std::string(type), .digest = Digest::of(type), .size = 1};
  };
  const ManifestOptions docker{.docker_types = true, .annotations = {}};
  const BuiltManifest built =
      manifest_of(bundle, {layer(image::kOciLayerGzip), layer(image::kOciLayer)}, docker);
  EXPECT_EQ(built.manifest.media_type, image::kDockerManifest);
  EXPECT_EQ(built.manifest.config.media_type, image::kDockerConfig);
  EXPECT_EQ(built.manifest.layers[0].media_type, image::kDockerLayerGzip);
  EXPECT_EQ(built.manifest.layers[1].media_type, "application/vnd.docker.image.rootfs.diff.tar");
  // A base image's layer in zstd, which docker has no type for.
  EXPECT_EQ(manifest_of(bundle, {layer(image::kOciLayerZstd)}, docker).manifest.media_type,
            image::kOciManifest);
}

TEST(ManifestOptions, AManifestHasTheAnnotationsOfItsPlatform) {
  const std::string config =
      R"({"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}})";
  const ImageBundle bundle{
      .config_json = config, .id = Digest::of(config), .diff_ids = {}, .layer_ids = {}, .names = {}};
  const ManifestOptions options =
      parse_manifest_options({{"annotation[linux/arm64].a", "1"}, {"annotation[linux/amd64].b", "2"}})
          .value();
  EXPECT_THAT(manifest_of(bundle, {}, options).manifest.annotations, ElementsAre(Pair("b", "2")));
  EXPECT_THAT(manifest_of(bundle, {}).manifest.annotations, IsEmpty());
}

}  // namespace
}  // namespace shale::exporter
