// SPDX-License-Identifier: Apache-2.0
#include "store/cache.h"

#include <atomic>
#include <thread>

#include "store/database.h"
#include "testing.h"

namespace shale::store {
namespace {

class CacheTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    ASSERT_OK_AND_ASSIGN(Store store, Store::open(root_));
    store_ = std::make_unique<Store>(std::move(store));
    ASSERT_OK_AND_ASSIGN(BuildLease lease, BuildLease::create(*store_));
    lease_ = std::make_unique<BuildLease>(std::move(lease));
    ASSERT_OK_AND_ASSIGN(layer_, publish_file(*store_, *lease_, "f", "x"));
  }
  [[nodiscard]] CacheRecord record(const std::string& key) const {
    return {.key = digest_of(key),
            .definition = digest_of("RUN make"),
            .encoding = kEncoding,
            .layers = {layer_.id},
            .content_key = layer_.content_key,
            .parts = {{"argument A", "1"}, {"src/\"main\".c", key}},
            .cost = std::chrono::milliseconds(1500)};
  }
  std::unique_ptr<Store> store_;
  std::unique_ptr<BuildLease> lease_;
  LayerRecord layer_;
};

TEST_F(CacheTest, ARecordIsFoundInAnotherProcess) {
  ASSERT_OK(store_->cache().put(record("k")));
  ASSERT_OK(store_->close());
  ASSERT_TRUE(in_child([&] {
    Result<Store> store = Store::open(root_);
    const auto found = store->cache().lookup(digest_of("k"), kEncoding);
    return found && *found && (*found)->layers == std::vector{layer_.id} &&
           (*found)->content_key == layer_.content_key && (*found)->cost == std::chrono::milliseconds(1500);
  }));
}

// The image's config holds it: an id that changes with the clock would be another image from the same cache.
TEST_F(CacheTest, TheTimeOfARecordIsTheStepsNotTheClocks) {
  CacheRecord made = record("k");
  made.created = 1'000'000'000;
  ASSERT_OK(store_->cache().put(made));
  ASSERT_OK_AND_ASSIGN(const auto found, store_->cache().lookup(digest_of("k"), kEncoding));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->created, made.created);
}

TEST_F(CacheTest, AnotherKeyOrEncodingIsAMiss) {
  ASSERT_OK(store_->cache().put(record("k")));
  ASSERT_OK_AND_ASSIGN(const auto key, store_->cache().lookup(digest_of("other"), kEncoding));
  EXPECT_FALSE(key);
  ASSERT_OK_AND_ASSIGN(const auto encoding, store_->cache().lookup(digest_of("k"), "single"));
  EXPECT_FALSE(encoding);
  ASSERT_OK_AND_ASSIGN(const auto encodings, store_->cache().encodings_of(digest_of("k")));
  EXPECT_EQ(encodings, std::vector<std::string>{kEncoding});
}

TEST_F(CacheTest, ARecordOfALayerThatIsGoneIsRefused) {
  CacheRecord bad = record("k");
  bad.layers.emplace_back("zzzzzzzzzz");
  const Status status = store_->cache().put(bad);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind(), ErrorKind::kNotFound);
  ASSERT_OK_AND_ASSIGN(const auto found, store_->cache().lookup(digest_of("k"), kEncoding));
  EXPECT_FALSE(found);
}

TEST_F(CacheTest, AStepThatChangesNothingHasNoLayers) {
  CacheRecord empty = record("k");
  empty.layers.clear();
  ASSERT_OK(store_->cache().put(empty));
  ASSERT_OK_AND_ASSIGN(const auto found, store_->cache().lookup(digest_of("k"), kEncoding));
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->layers.empty());
}

TEST_F(CacheTest, PutReplacesAndReleasesWhatTheOldRecordHeld) {
  ASSERT_OK_AND_ASSIGN(const LayerRecord second, publish_file(*store_, *lease_, "f", "y"));
  ASSERT_OK(store_->cache().put(record("k")));
  CacheRecord replaced = record("k");
  replaced.layers = {second.id};
  ASSERT_OK(store_->cache().put(replaced));
  ASSERT_OK_AND_ASSIGN(const auto found, store_->cache().lookup(digest_of("k"), kEncoding));
  EXPECT_EQ(found->layers, std::vector{second.id});
  ASSERT_OK(lease_->finish(*store_));
  ASSERT_OK_AND_ASSIGN(const GcResult garbage, store_->collect_garbage());
  EXPECT_EQ(garbage.layers, 1U);
  ASSERT_OK_AND_ASSIGN(const auto first, store_->layers().find(layer_.id));
  EXPECT_FALSE(first);
}

TEST_F(CacheTest, RecordsOfADefinitionComeNewestFirstWithTheirParts) {
  for (const char* key : {"1", "2", "3"}) ASSERT_OK(store_->cache().put(record(key)));
  ASSERT_OK_AND_ASSIGN(const auto records, store_->cache().records_with_definition(digest_of("RUN make"), 2));
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].key, digest_of("3"));
  EXPECT_EQ(records[0].parts, record("3").parts);
  ASSERT_OK_AND_ASSIGN(const auto none, store_->cache().records_with_definition(digest_of("RUN true")));
  EXPECT_TRUE(none.empty());
}

TEST_F(CacheTest, LinksLeadFromKeyToKey) {
  ASSERT_OK_AND_ASSIGN(const auto none, store_->cache().find_link(digest_of("a")));
  EXPECT_FALSE(none);
  ASSERT_OK(store_->cache().put_link(digest_of("a"), digest_of("b")));
  ASSERT_OK(store_->cache().put_link(digest_of("a"), digest_of("c")));
  ASSERT_OK_AND_ASSIGN(const auto found, store_->cache().find_link(digest_of("a")));
  EXPECT_EQ(found, digest_of("c"));
}

TEST_F(CacheTest, UseIsWrittenDownOnceAnHour) {
  ASSERT_OK(store_->cache().put(record("k")));
  ASSERT_OK(store_->database().execute("UPDATE cache_records SET last_used = 5"));
  ASSERT_OK(store_->cache().lookup(digest_of("k"), kEncoding));
  ASSERT_OK(store_->close());
  ASSERT_OK_AND_ASSIGN(Store again, Store::open(root_));
  ASSERT_OK_AND_ASSIGN(const auto found, again.cache().lookup(digest_of("k"), kEncoding));
  EXPECT_GT(found->last_used, 5);
}

TEST_F(CacheTest, ThreadsShareOneStore) {
  for (int i = 0; i < 50; ++i) ASSERT_OK(store_->cache().put(record(std::to_string(i))));
  std::vector<std::thread> threads;
  std::atomic<int> hits{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const auto found = store_->cache().lookup(digest_of(std::to_string(i)), kEncoding);
        if (found && *found) ++hits;
        if (!store_->cache().put_link(digest_of(std::to_string(i)), digest_of("x"))) hits = -1000;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(hits, 200);
}

}  // namespace
}  // namespace shale::store
