// SPDX-License-Identifier: Apache-2.0
#include "store/images.h"

#include "shale/images.h"
#include "store/database.h"
#include "store/remove_image.h"
#include "testing.h"

namespace shale::store {
namespace {

class ImagesTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    ASSERT_OK_AND_ASSIGN(Store store, Store::open(root_));
    store_ = std::make_unique<Store>(std::move(store));
  }

  static std::string full(const std::string& name) { return image::ImageRef::parse(name)->full(); }

  // An image without layers whose id begins with `prefix` (its config is not what the id says; nobody looks).
  static ImageRecord image_with(const std::string& prefix, std::int64_t seconds = 0) {
    const std::string hex = prefix + std::string(64 - prefix.size(), '0');
    return {.id = *Digest::from_hex(hex),
            .config_json = "{\"id\":\"" + prefix + "\"}",
            .created = std::chrono::system_clock::time_point(std::chrono::seconds(seconds))};
  }
  Status put(const ImageRecord& image, const std::vector<std::string>& names) {
    std::vector<TagRecord> tags;
    for (const std::string& name : names) tags.push_back({.reference = full(name), .image = image.id});
    return store_->images().put(image, tags);
  }
  // Ids compare by their digits.
  std::string resolved(const std::string& name) {
    const Result<ResolvedImage> found = store_->images().resolve(name);
    return found ? found->image.id.hex() : "error: " + found.error().message();
  }

  std::unique_ptr<Store> store_;
};

TEST_F(ImagesTest, WhatWasPutIsFoundAsItWas) {
  ASSERT_OK_AND_ASSIGN(BuildLease lease, BuildLease::create(*store_));
  ASSERT_OK_AND_ASSIGN(const LayerRecord layer, publish_file(*store_, lease, "f", "x"));
  ImageRecord image = image_with("ab", 1234);
  image.diff_ids = {layer.diff_id, layer.diff_id};
  image.size_bytes = 99;
  image.manifest = ImageManifest{digest_of("manifest"), "type", "{\"m\":1}"};
  ASSERT_OK(put(image, {"app:1"}));
  ASSERT_OK_AND_ASSIGN(const auto found, store_->images().find(image.id));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->config_json, image.config_json);
  EXPECT_EQ(found->diff_ids, image.diff_ids);
  EXPECT_EQ(found->created, image.created);
  EXPECT_EQ(found->size_bytes, 99U);
  ASSERT_TRUE(found->manifest);
  EXPECT_EQ(found->manifest->json, "{\"m\":1}");
}

TEST_F(ImagesTest, PutMakesItsLayersDurable) {
  ASSERT_OK_AND_ASSIGN(BuildLease lease, BuildLease::create(*store_));
  ASSERT_OK_AND_ASSIGN(const LayerRecord layer, publish_file(*store_, lease, "f", "x"));
  EXPECT_FALSE(layer.durable);
  ImageRecord image = image_with("ab");
  image.diff_ids = {layer.diff_id};
  ASSERT_OK(put(image, {"app"}));
  ASSERT_OK_AND_ASSIGN(const auto after, store_->layers().find(layer.id));
  EXPECT_TRUE(after->durable);
}

TEST_F(ImagesTest, PutRefusesAnImageWhoseLayerIsGone) {
  ImageRecord image = image_with("ab");
  image.diff_ids = {digest_of("nowhere")};
  const Status status = put(image, {"app"});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind(), ErrorKind::kNotFound);
  ASSERT_OK_AND_ASSIGN(const auto tags, store_->images().tags());
  EXPECT_TRUE(tags.empty());
}

TEST_F(ImagesTest, PutTheSecondTimeWritesNothing) {
  ASSERT_OK(put(image_with("ab"), {"app", "app:2"}));
  struct stat before{};
  ASSERT_EQ(::stat((root_ + "/db.sqlite-wal").c_str(), &before), 0);
  ASSERT_OK(put(image_with("ab"), {"app", "app:2"}));
  struct stat after{};
  ASSERT_EQ(::stat((root_ + "/db.sqlite-wal").c_str(), &after), 0);
  EXPECT_EQ(before.st_size, after.st_size);
  EXPECT_EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

TEST_F(ImagesTest, ATagMovesToTheNewImage) {
  ASSERT_OK(put(image_with("aa"), {"app"}));
  ASSERT_OK(put(image_with("bb"), {"docker.io/library/app:latest"}));
  EXPECT_TRUE(resolved("app").starts_with("bb00"));
  ASSERT_OK_AND_ASSIGN(const auto tags, store_->images().tags());
  EXPECT_EQ(tags.size(), 1U);
  EXPECT_TRUE(resolved("aa").starts_with("aa00"));
}

TEST_F(ImagesTest, ImagesAreFoundByNameIdAndBeginningOfId) {
  ASSERT_OK(put(image_with("abcd1"), {"app:1"}));
  ASSERT_OK(put(image_with("abcd2"), {}));
  EXPECT_TRUE(resolved("app:1").starts_with("abcd1"));
  EXPECT_TRUE(resolved("abcd2").starts_with("abcd2"));
  EXPECT_TRUE(resolved("sha256:abcd1").starts_with("abcd1"));
  EXPECT_TRUE(resolved("sha256:" + image_with("abcd2").id.hex()).starts_with("abcd2"));
  EXPECT_TRUE(resolved(image_with("abcd2").id.hex()).starts_with("abcd2"));
}

TEST_F(ImagesTest, AnAmbiguousBeginningOfAnIdIsRefused) {
  ASSERT_OK(put(image_with("abcd1"), {}));
  ASSERT_OK(put(image_with("abcd2"), {}));
  const Result<ResolvedImage> found = store_->images().resolve("abcd");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind(), ErrorKind::kUsage);
}

TEST_F(ImagesTest, ANameWinsOverTheBeginningOfAnId) {
  ASSERT_OK(put(image_with("cafe"), {}));
  ASSERT_OK(put(image_with("11"), {"cafe"}));
  EXPECT_TRUE(resolved("cafe").starts_with("11"));
}

TEST_F(ImagesTest, ImagesAreFoundByTheDigestOfTheirManifestOrIndex) {
  ImageRecord image = image_with("ab");
  image.manifest = ImageManifest{digest_of("manifest"), "type", "{}"};
  const std::vector<TagRecord> tags = {
      {.reference = full("app:1"), .image = image.id, .manifest_digest = digest_of("index")}};
  ASSERT_OK(store_->images().put(image, tags));
  EXPECT_TRUE(resolved("app@" + digest_of("manifest").to_string()).starts_with("ab00"));
  EXPECT_TRUE(resolved("app@" + digest_of("index").to_string()).starts_with("ab00"));
  EXPECT_TRUE(resolved("app@" + digest_of("else").to_string()).starts_with("error"));
}

TEST_F(ImagesTest, AnUnknownNameSuggestsTheNearest) {
  ASSERT_OK(put(image_with("ab"), {"alpine:3.20"}));
  const Result<ResolvedImage> found = store_->images().resolve("alpin:3.20");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind(), ErrorKind::kNotFound);
  EXPECT_NE(render(found.error(), false).find("alpine:3.20"), std::string::npos);
  // A tag that nobody wrote makes no two names alike.
  ASSERT_OK(put(image_with("cd"), {"misc"}));
  const auto hint_for = [&](const char* name) {
    return render(store_->images().resolve(name).error(), false);
  };
  EXPECT_EQ(hint_for("nosuch").find("did you mean"), std::string::npos) << hint_for("nosuch");
  EXPECT_NE(hint_for("mics").find("did you mean 'misc'?"), std::string::npos) << hint_for("mics");
}

TEST_F(ImagesTest, TheListHasOneRowForEachTagNewestFirst) {
  ASSERT_OK(put(image_with("aa", 100), {"old:1", "old:2"}));
  ASSERT_OK(put(image_with("bb", 200), {}));
  ASSERT_OK_AND_ASSIGN(const auto rows, list_images(root_));
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].repository, "<none>");
  EXPECT_EQ(rows[0].tag, "<none>");
  EXPECT_EQ(rows[1].repository, "old");
  EXPECT_EQ(rows[1].tag, "1");
  EXPECT_EQ(rows[2].tag, "2");
}

TEST_F(ImagesTest, RemovingOneOfTwoNamesKeepsTheImage) {
  ASSERT_OK(put(image_with("aa"), {"app:1", "app:2"}));
  ASSERT_OK_AND_ASSIGN(const auto first, remove_image(*store_, "app:1", false));
  EXPECT_EQ(first, std::vector<std::string>{"Untagged: app:1"});
  ASSERT_OK_AND_ASSIGN(const auto second, remove_image(*store_, "app:2", false));
  EXPECT_EQ(second,
            (std::vector<std::string>{"Untagged: app:2", "Deleted: " + image_with("aa").id.to_string()}));
  EXPECT_TRUE(resolved("aa").starts_with("error"));
}

TEST_F(ImagesTest, RemovingAnIdWithSeveralNamesNeedsForce) {
  ASSERT_OK(put(image_with("aa"), {"app:1", "app:2"}));
  EXPECT_FALSE(remove_image(*store_, "aa", false));
  EXPECT_TRUE(resolved("app:1").starts_with("aa"));
  ASSERT_OK_AND_ASSIGN(const auto lines, remove_image(*store_, "aa", true));
  EXPECT_EQ(lines.size(), 3U);
}

TEST_F(ImagesTest, RemovingAnImageFreesItsLayersButNotThoseOfARunningBuild) {
  ASSERT_OK_AND_ASSIGN(BuildLease done, BuildLease::create(*store_));
  ASSERT_OK_AND_ASSIGN(const LayerRecord unused, publish_file(*store_, done, "f", "unused"));
  ASSERT_OK_AND_ASSIGN(const LayerRecord used, publish_file(*store_, done, "f", "used"));
  ImageRecord image = image_with("aa");
  image.diff_ids = {unused.diff_id, used.diff_id};
  ASSERT_OK(put(image, {"app"}));
  ASSERT_OK(done.finish(*store_));
  ASSERT_OK_AND_ASSIGN(BuildLease running, BuildLease::create(*store_));
  ASSERT_OK(running.hold_layers(*store_, std::vector<std::string>{used.id}));
  ASSERT_OK(remove_image(*store_, "app", false));
  EXPECT_FALSE(sys::exists_at(AT_FDCWD, store_->layers().fs_path_absolute(unused.id)));
  EXPECT_TRUE(sys::exists_at(AT_FDCWD, store_->layers().fs_path_absolute(used.id) + "/f"));
}

TEST_F(ImagesTest, TagsAreMadeByThePublicFunction) {
  ASSERT_OK(put(image_with("aa"), {"app:1"}));
  ASSERT_OK(tag_image(root_, "app:1", "localhost:5000/team/app:x"));
  EXPECT_TRUE(resolved("localhost:5000/team/app:x").starts_with("aa"));
  EXPECT_FALSE(tag_image(root_, "nothing", "other"));
  EXPECT_FALSE(tag_image(root_, "app:1", "UPPER"));
}

class DefaultRootTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : kNames) {
      const char* value = ::getenv(name);
      saved_.emplace_back(value != nullptr, value != nullptr ? value : "");
      ::unsetenv(name);
    }
  }
  void TearDown() override {
    for (std::size_t i = 0; i < std::size(kNames); ++i) {
      if (saved_[i].first)
        ::setenv(kNames[i], saved_[i].second.c_str(), 1);
      else
        ::unsetenv(kNames[i]);
    }
  }
  static constexpr const char* kNames[] = {"SHALE_ROOT", "XDG_DATA_HOME", "HOME", "XDG_RUNTIME_DIR"};
  std::vector<std::pair<bool, std::string>> saved_;
};

TEST_F(DefaultRootTest, EachPlaceGivesWayToTheOneBeforeIt) {
  ASSERT_OK_AND_ASSIGN(const sys::TempDir temporary, sys::TempDir::create("shale-root-test-"));
  const std::string& path = temporary.path();
  ::setenv("XDG_RUNTIME_DIR", path.c_str(), 1);
  EXPECT_EQ(*default_store_root(), path + "/shale");
  EXPECT_EQ(default_store_note(),
            "no home directory that can be written to: the store is '" + path + "/shale'");
  ::setenv("HOME", (path + "/missing").c_str(), 1);
  EXPECT_EQ(*default_store_root(), path + "/shale");
  ASSERT_OK(sys::make_dir(AT_FDCWD, path + "/home", 0700));
  ::setenv("HOME", (path + "/home").c_str(), 1);
  EXPECT_EQ(*default_store_root(), path + "/home/.local/share/shale");
  EXPECT_EQ(default_store_note(), "");
  ::setenv("XDG_DATA_HOME", "relative", 1);  // to be ignored, says the specification
  EXPECT_EQ(*default_store_root(), path + "/home/.local/share/shale");
  ::setenv("XDG_DATA_HOME", (path + "/data").c_str(), 1);
  EXPECT_EQ(*default_store_root(), path + "/data/shale");
  ::setenv("SHALE_ROOT", "/elsewhere", 1);
  EXPECT_EQ(*default_store_root(), "/elsewhere");
  EXPECT_EQ(default_store_note(), "");
}

TEST_F(DefaultRootTest, AHomeAboveTheFallbackDoesNotHideTheNote) {
  if (::geteuid() == 0) GTEST_SKIP() << "root can write to /";
  ASSERT_OK_AND_ASSIGN(const sys::TempDir temporary, sys::TempDir::create("shale-root-test-"));
  ::setenv("XDG_RUNTIME_DIR", temporary.path().c_str(), 1);
  ::setenv("HOME", "/", 1);  // as container engines set it for users without a row in /etc/passwd
  EXPECT_EQ(*default_store_root(), temporary.path() + "/shale");
  EXPECT_NE(default_store_note(), "");
}

}  // namespace
}  // namespace shale::store
