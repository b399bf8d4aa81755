// SPDX-License-Identifier: Apache-2.0
#include "export/rewrite_times.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "store/layers.h"
#include "sys/process.h"
#include "tests/unit/export/fixture.h"

namespace shale::exporter {
namespace {

constexpr std::int64_t kEpoch = 1'600'000'000;

void set_time(int fs, const char* name, std::int64_t seconds) {
  const std::array<struct timespec, 2> times{timespec{.tv_sec = seconds, .tv_nsec = 0},
                                             timespec{.tv_sec = seconds, .tv_nsec = 0}};
  ASSERT_EQ(::utimensat(fs, name, times.data(), AT_SYMLINK_NOFOLLOW), 0);
}

class RewriteTimesTest : public ExportTest {
 protected:
  // Packing is the helper's; test programs lie in a subdirectory of the build tree, and it is looked for
  // beside them.
  void SetUp() override {
    ExportTest::SetUp();
    ASSERT_OK_AND_ASSIGN(const std::string self, sys::self_path());
    const std::string link = self.substr(0, self.rfind('/')) + "/shale-archive";
    (void)::symlink("../shale-archive", link.c_str());  // there already: fine
  }
  // A layer of two files with these times, the root directory having the first.
  Result<store::LayerRecord> dated(const std::string& name, std::int64_t first, std::int64_t second) {
    return layer([&](int fs) {
      file(fs, name, name);
      file(fs, "second", name);
      set_time(fs, name.c_str(), first);
      set_time(fs, "second", second);
      set_time(fs, ".", first);
    });
  }
  Result<ImageBundle> rewrite(const ImageBundle& image, std::size_t first) {
    return rewrite_times(*store_, *lease_, image, first, kEpoch, {.compression = layer::Compression::kNone},
                         progress_);
  }
};

TEST_F(RewriteTimesTest, LayersWithoutLaterTimesStay) {
  ASSERT_OK_AND_ASSIGN(const store::LayerRecord old, dated("old", kEpoch - 10, kEpoch));
  const ImageBundle image = bundle({old}, "x");
  ASSERT_OK_AND_ASSIGN(const ImageBundle same, rewrite(image, 0));
  EXPECT_EQ(same.id, image.id);
  EXPECT_EQ(same.config_json, image.config_json);
  EXPECT_EQ(same.layer_ids, image.layer_ids);
}

TEST_F(RewriteTimesTest, TheBaseImagesLayersStay) {
  ASSERT_OK_AND_ASSIGN(const store::LayerRecord base, dated("base", kEpoch + 10, kEpoch + 20));
  const ImageBundle image = bundle({base}, "x");
  ASSERT_OK_AND_ASSIGN(const ImageBundle same, rewrite(image, 1));
  EXPECT_EQ(same.id, image.id);
}

TEST_F(RewriteTimesTest, LaterTimesAreClampedAndOlderOnesKept) {
  ASSERT_OK_AND_ASSIGN(const store::LayerRecord base, dated("base", kEpoch + 10, kEpoch + 10));
  ASSERT_OK_AND_ASSIGN(const store::LayerRecord late, dated("late", kEpoch - 5, kEpoch + 5));
  ASSERT_OK_AND_ASSIGN(const auto manifest, store_->layers().load_manifest(late.id));
  ASSERT_OK_AND_ASSIGN(const UniqueFd fs, sys::open_at(store_->root_fd(), store::Layers::fs_path(late.id),
                                                       O_RDONLY | O_DIRECTORY));
  // What the layer's tar is with the one time changed.
  std::vector<layer::Entry> entries = manifest->entries();
  for (layer::Entry& entry : entries)
    if (entry.path == "second") entry.mtime_s = kEpoch;
  ASSERT_OK_AND_ASSIGN(const layer::LayerManifest clamped, layer::LayerManifest::build(std::move(entries)));
  std::string tar;
  ASSERT_OK(layer::write_layer_tar(clamped, fs.get(), [&](std::string_view bytes) {
    tar += bytes;
    return Status();
  }));

  const ImageBundle image = bundle({base, late}, "x");
  ASSERT_OK_AND_ASSIGN(const ImageBundle made, rewrite(image, 1));
  EXPECT_EQ(made.diff_ids, (std::vector<Digest>{base.diff_id, Digest::of(tar)}));
  EXPECT_EQ(made.layer_ids, (std::vector<std::string>{base.id, ""}));
  EXPECT_NE(made.id, image.id);
  EXPECT_EQ(made.id, Digest::of(made.config_json));
  ASSERT_OK_AND_ASSIGN(const image::ImageConfig config, image::ImageConfig::parse(made.config_json));
  EXPECT_EQ(config.diff_ids, made.diff_ids);
  EXPECT_EQ(config.cmd, std::vector<std::string>{"/x"});
  // Its blob is found under the new diff_id.
  ASSERT_OK_AND_ASSIGN(const std::optional<image::Descriptor> blob,
                       existing_blob(*store_, *lease_, made.diff_ids[1], layer::Compression::kNone));
  ASSERT_TRUE(blob);
  EXPECT_EQ(blob->digest, Digest::of(tar));
}

}  // namespace
}  // namespace shale::exporter
