// SPDX-License-Identifier: Apache-2.0
#include "export/layer_blob.h"

#include <gtest/gtest.h>

#include "export/import_changes.h"
#include "tests/unit/export/fixture.h"

namespace shale::exporter {
namespace {

using layer::Compression;

TEST(Compression, IsReadFromTheOutputsAttributes) {
  const auto parse = [](const std::map<std::string, std::string>& attributes) {
    return parse_compression(attributes);
  };
  EXPECT_EQ(parse({}).value(), (CompressionOptions{.compression = Compression::kGzip}));
  EXPECT_EQ(parse({{"compression", "zstd"}, {"compression-level", "19"}}).value(),
            (CompressionOptions{.compression = Compression::kZstd, .level = 19}));
  EXPECT_EQ(parse({{"compression", "uncompressed"}, {"force-compression", "true"}}).value(),
            (CompressionOptions{.compression = Compression::kNone, .force = true}));
  EXPECT_FALSE(parse({{"compression", "lzma"}}));
  EXPECT_FALSE(parse({{"compression-level", "10"}}));
  EXPECT_FALSE(parse({{"compression-level", "3x"}}));
  EXPECT_FALSE(parse({{"force-compression", "maybe"}}));
}

TEST(Compression, IsKnownForDockersTypesToo) {
  EXPECT_EQ(compression_of(image::kDockerLayerGzip), Compression::kGzip);
  EXPECT_EQ(compression_of(image::kOciLayerZstd), Compression::kZstd);
  EXPECT_EQ(compression_of("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"), std::nullopt);
  EXPECT_EQ(sniff_compression("\x1f\x8b\x08"), Compression::kGzip);
  EXPECT_EQ(sniff_compression("\x28\xb5\x2f\xfd"), Compression::kZstd);
  EXPECT_EQ(sniff_compression("\x1f"), Compression::kNone);
}

class LayerBlobTest : public ExportTest {
 protected:
  Result<image::Descriptor> blob_of_layer(const Digest& diff_id, const std::string& layer_id,
                                          const CompressionOptions& options = {}) {
    ImageBundle one;
    one.diff_ids = {diff_id};
    one.layer_ids = {layer_id};
    ASSIGN_OR_RETURN(const auto blobs, blobs_of_layers(*store_, *lease_, one, options, progress_));
    return blobs.at(0);
  }
};

TEST_F(LayerBlobTest, ABlobThatCameWithTheLayerIsKept) {
  ASSERT_OK_AND_ASSIGN(const store::LayerRecord record, layer([](int fs) { file(fs, "f", "x"); }));
  ASSERT_OK_AND_ASSIGN(store::BlobWriter writer, store_->blobs().create());
  ASSERT_OK(writer.write("bytes that stand for a gzip stream"));
  ASSERT_OK_AND_ASSIGN(const Digest digest, writer.commit(*lease_));
  ASSERT_OK(store_->layers().add_blob(
      record.diff_id,
      {.media_type = std::string(image::kDockerLayerGzip), .digest = digest, .size = writer.size()}));
  ASSERT_OK_AND_ASSIGN(const image::Descriptor blob, blob_of_layer(record.diff_id, record.id));
  EXPECT_EQ(blob.digest, digest);
  EXPECT_EQ(blob.media_type, image::kOciLayerGzip);
  // Also where another compression is preferred.
  ASSERT_OK_AND_ASSIGN(const image::Descriptor other,
                       blob_of_layer(record.diff_id, record.id, {.compression = Compression::kZstd}));
  EXPECT_EQ(other.digest, digest);
}

TEST_F(LayerBlobTest, ALayerThatIsNowhereIsAClearError) {
  const auto blob = blob_of_layer(Digest::of("x"), "");
  ASSERT_FALSE(blob);
  EXPECT_EQ(blob.error().kind(), ErrorKind::kNotFound);
  EXPECT_NE(blob.error().message().find(Digest::of("x").to_string()), std::string::npos);
}

TEST(ImportChanges, MakeAConfig) {
  ASSERT_OK_AND_ASSIGN(const image::ImageConfig config,
                       config_of_changes({"ENV A=1 B=\"two words\"", "CMD [\"/bin/x\", \"$A\"]", "EXPOSE 80",
                                          "LABEL l=v", "WORKDIR /w", "WORKDIR sub", "USER 5:6",
                                          "STOPSIGNAL SIGINT", "VOLUME /v", "ONBUILD RUN y", "ENTRYPOINT e"},
                                         image::Platform::host()));
  EXPECT_EQ(config.env, (std::vector<std::string>{"A=1", "B=two words"}));
  EXPECT_EQ(config.cmd, (std::vector<std::string>{"/bin/x", "$A"}));
  EXPECT_EQ(config.entrypoint, (std::vector<std::string>{"/bin/sh", "-c", "e"}));
  EXPECT_EQ(config.working_dir, "/w/sub");
  EXPECT_EQ(config.exposed_ports, std::set<std::string>{"80/tcp"});
  EXPECT_EQ(config.user, "5:6");
  EXPECT_EQ(config.on_build, std::vector<std::string>{"RUN y"});
  EXPECT_TRUE(config.history.empty());
}

TEST(ImportChanges, GiveAPathOnlyIfTheySetOne) {
  const auto env_of = [](const std::vector<std::string>& changes) {
    return config_of_changes(changes, image::Platform::host())->env;
  };
  EXPECT_EQ(env_of({"ENV A=1", "LABEL hint=\"set PATH\"", "ENV MY_PATH=/x"}),
            (std::vector<std::string>{"A=1", "MY_PATH=/x"}));
  EXPECT_EQ(env_of({"ENV PATH=/opt/bin"}), (std::vector<std::string>{"PATH=/opt/bin"}));
}

TEST(ImportChanges, RefuseWhatMakesLayersOrStages) {
  for (const char* change : {"RUN x", "COPY a b", "FROM scratch", "ARG a", "NONSENSE", "ENV"})
    EXPECT_FALSE(config_of_changes({change}, image::Platform::host())) << change;
}

}  // namespace
}  // namespace shale::exporter
