// SPDX-License-Identifier: Apache-2.0
#include "store/layers.h"

#include "store/blobs.h"
#include "testing.h"

namespace shale::store {
namespace {

class LayersTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    ASSERT_OK_AND_ASSIGN(Store store, Store::open(root_));
    store_ = std::make_unique<Store>(std::move(store));
    ASSERT_OK_AND_ASSIGN(BuildLease lease, BuildLease::create(*store_));
    lease_ = std::make_unique<BuildLease>(std::move(lease));
  }
  std::unique_ptr<Store> store_;
  std::unique_ptr<BuildLease> lease_;
};

TEST_F(LayersTest, EqualContentKeepsTheOlderLayerWithItsTimes) {
  ASSERT_OK_AND_ASSIGN(const LayerRecord first, publish_file(*store_, *lease_, "f", "same", 100));
  ASSERT_OK_AND_ASSIGN(const LayerRecord second, publish_file(*store_, *lease_, "f", "same", 200));
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.diff_id, first.diff_id);
  EXPECT_EQ(entries_in("layers"), 1U);
  EXPECT_EQ(entries_in("trash"), 1U);
}

TEST_F(LayersTest, AnImagesLayerKeepsItsDiffId) {
  ASSERT_OK_AND_ASSIGN(const LayerRecord built, publish_file(*store_, *lease_, "f", "same", 100));
  ASSERT_OK_AND_ASSIGN(const LayerRecord pulled,
                       publish_file(*store_, *lease_, "f", "same", 200, NewLayer::Identity::kDiffId));
  EXPECT_NE(pulled.id, built.id);
  EXPECT_NE(pulled.diff_id, built.diff_id);
  EXPECT_EQ(pulled.content_key, built.content_key);
  // The canonical one stays.
  ASSERT_OK_AND_ASSIGN(const auto canonical, store_->layers().find_content(built.content_key, kEncoding));
  ASSERT_TRUE(canonical);
  EXPECT_EQ(canonical->id, built.id);
  ASSERT_OK_AND_ASSIGN(const LayerRecord again,
                       publish_file(*store_, *lease_, "f", "same", 200, NewLayer::Identity::kDiffId));
  EXPECT_EQ(again.id, pulled.id);
}

TEST_F(LayersTest, EncodingsDoNotMix) {
  ASSERT_OK_AND_ASSIGN(const LayerRecord full, publish_file(*store_, *lease_, "f", "same"));
  ASSERT_OK_AND_ASSIGN(WorkDirectory directory, lease_->new_directory());
  NewLayer other = file_layer("f", "same");
  other.encoding = "single";
  ASSERT_OK_AND_ASSIGN(const LayerRecord single,
                       store_->layers().publish(*lease_, std::move(directory), other));
  EXPECT_NE(single.id, full.id);
  ASSERT_OK_AND_ASSIGN(const auto none, store_->layers().find_content(full.content_key, "third"));
  EXPECT_FALSE(none);
}

TEST_F(LayersTest, ALayerThatDependsOnOthersIsFoundForTheSameStackOnly) {
  const std::vector<Digest> stack = {digest_of("base"), file_layer("f", "x").diff_id};
  ASSERT_OK_AND_ASSIGN(WorkDirectory directory, lease_->new_directory());
  NewLayer layer = file_layer("f", "x");
  layer.identity = NewLayer::Identity::kDiffId;
  layer.chain_id = chain_id(stack);
  ASSERT_OK(store_->layers().publish(*lease_, std::move(directory), layer));
  ASSERT_OK_AND_ASSIGN(const auto same, store_->layers().find_stack(stack, kEncoding));
  ASSERT_EQ(same.size(), 2U);
  EXPECT_FALSE(same[0]);
  EXPECT_TRUE(same[1]);
  const std::vector<Digest> other = {digest_of("another base"), stack[1]};
  ASSERT_OK_AND_ASSIGN(const auto different, store_->layers().find_stack(other, kEncoding));
  EXPECT_FALSE(different[1]);
}

TEST_F(LayersTest, ChainIdsAreThoseOfTheImageSpecification) {
  const Digest a = digest_of("a");
  const Digest b = digest_of("b");
  EXPECT_EQ(chain_id({}), Digest());
  EXPECT_EQ(chain_id(std::vector{a}), a);
  EXPECT_EQ(chain_id(std::vector{a, b}), Digest::of(a.to_string() + " " + b.to_string()));
}

TEST_F(LayersTest, ADirectoryWithoutAManifestIsNotPublished) {
  ASSERT_OK_AND_ASSIGN(WorkDirectory directory, lease_->new_directory());
  NewLayer layer = file_layer("f", "x");
  layer.manifest = nullptr;
  EXPECT_FALSE(store_->layers().publish(*lease_, std::move(directory), layer));
  EXPECT_EQ(entries_in("layers"), 0U);
}

TEST_F(LayersTest, TheLatestBlobOfALayerComesFirst) {
  const Digest diff_id = digest_of("layer");
  ASSERT_OK(store_->layers().add_blob(diff_id, {.media_type = "gzip", .digest = digest_of("g"), .size = 1}));
  ASSERT_OK(store_->layers().add_blob(diff_id, {.media_type = "zstd", .digest = digest_of("z"), .size = 2}));
  ASSERT_OK_AND_ASSIGN(const auto blobs, store_->layers().blobs_of(diff_id));
  ASSERT_EQ(blobs.size(), 2U);
  EXPECT_EQ(blobs[0].media_type, "zstd");
  EXPECT_EQ(blobs[1].size, 1U);
}

TEST_F(LayersTest, ABlobIsFoundUnderItsDigestOnly) {
  ASSERT_OK_AND_ASSIGN(BlobWriter wrong, store_->blobs().create());
  ASSERT_OK(wrong.write("bytes"));
  const Result<Digest> refused = wrong.commit(*lease_, digest_of("other bytes"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::kCorrupt);
  ASSERT_OK_AND_ASSIGN(BlobWriter right, store_->blobs().create());
  // By the descriptor, as a helper writes.
  ASSERT_EQ(::write(right.fd(), "bytes", 5), 5);
  ASSERT_OK(right.commit(*lease_, digest_of("bytes")));
  EXPECT_TRUE(store_->blobs().has(digest_of("bytes")));
  ASSERT_OK_AND_ASSIGN(const std::uint64_t size, store_->blobs().size(digest_of("bytes")));
  EXPECT_EQ(size, 5U);
}

TEST_F(LayersTest, AnAbandonedBlobLeavesNothing) {
  {
    ASSERT_OK_AND_ASSIGN(BlobWriter writer, store_->blobs().create());
    ASSERT_OK(writer.write("half"));
  }
  EXPECT_EQ(entries_in("blobs/sha256"), 0U);
}

TEST_F(LayersTest, ADamagedBlobIsDetectedAndRemovedAtItsFirstReading) {
  ASSERT_OK_AND_ASSIGN(BlobWriter writer, store_->blobs().create());
  ASSERT_OK(writer.write("good"));
  ASSERT_OK_AND_ASSIGN(const Digest digest, writer.commit(*lease_));
  ASSERT_OK(sys::replace_file(AT_FDCWD, store_->blobs().path(digest), "evil", 0600));
  const Result<UniqueFd> opened = store_->blobs().open(digest);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind(), ErrorKind::kCorrupt);
  EXPECT_FALSE(store_->blobs().has(digest));
}

}  // namespace
}  // namespace shale::store
