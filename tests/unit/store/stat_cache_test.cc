// SPDX-License-Identifier: Apache-2.0
#include "store/stat_cache.h"

#include "testing.h"

namespace shale::store {
namespace {

class StatCacheTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    ASSERT_OK_AND_ASSIGN(Store store, Store::open(root_));
    store_ = std::make_unique<Store>(std::move(store));
  }
  [[nodiscard]] StatCache load() const {
    return StatCache::load(*store_, "/some/context", store_->root_fd());
  }
  [[nodiscard]] std::string only_file() const {
    const Result<UniqueFd> fd = sys::open_at(AT_FDCWD, root_ + "/statcache", O_RDONLY | O_DIRECTORY);
    const Result<std::vector<std::string>> names = sys::list_dir(fd->get());
    return root_ + "/statcache/" + names->front();
  }
  // A file that was last changed at `seconds`.
  static struct stat file(ino_t inode, time_t seconds, long nanoseconds = 1) {
    struct stat info{};
    info.st_dev = 7;
    info.st_ino = inode;
    info.st_size = 10;
    info.st_mode = S_IFREG | 0644;
    info.st_mtim = {seconds, nanoseconds};
    info.st_ctim = {seconds, nanoseconds};
    return info;
  }
  static constexpr struct timespec kStarted = {1000, 0};
  std::unique_ptr<Store> store_;
};

TEST_F(StatCacheTest, AnOldFileIsRememberedAcrossProcesses) {
  StatCache cache = load();
  for (ino_t inode = 1; inode <= 1000; ++inode)
    cache.put(file(inode, 500), digest_of(std::to_string(inode)), kStarted);
  ASSERT_OK(cache.save(*store_));
  StatCache again = load();
  for (ino_t inode = 1; inode <= 1000; ++inode)
    ASSERT_EQ(again.find(file(inode, 500)), digest_of(std::to_string(inode))) << inode;
  EXPECT_FALSE(again.find(file(1001, 500)));
}

TEST_F(StatCacheTest, AnyDifferenceIsAMiss) {
  StatCache cache = load();
  cache.put(file(1, 500), digest_of("x"), kStarted);
  const auto misses = [&](auto change) {
    struct stat info = file(1, 500);
    change(info);
    return !cache.find(info);
  };
  EXPECT_TRUE(cache.find(file(1, 500)));
  EXPECT_TRUE(misses([](struct stat& info) { info.st_dev = 8; }));
  EXPECT_TRUE(misses([](struct stat& info) { info.st_ino = 2; }));
  EXPECT_TRUE(misses([](struct stat& info) { info.st_size = 11; }));
  EXPECT_TRUE(misses([](struct stat& info) { info.st_mode = S_IFREG | 0755; }));
  EXPECT_TRUE(misses([](struct stat& info) { ++info.st_mtim.tv_nsec; }));
  EXPECT_TRUE(misses([](struct stat& info) { ++info.st_ctim.tv_nsec; }));
}

TEST_F(StatCacheTest, AFileChangedJustBeforeItWasHashedIsNotTrusted) {
  StatCache cache = load();
  cache.put(file(1, 1000, 5), digest_of("later than the start"), kStarted);
  cache.put(file(2, 999, 999'999'999), digest_of("within a tick"), kStarted);
  cache.put(file(3, 999, 900'000'000), digest_of("a tenth before"), kStarted);
  struct stat touched = file(4, 500);
  touched.st_ctim = {1000, 0};  // times set back with touch -d: the change time tells
  cache.put(touched, digest_of("set back"), kStarted);
  EXPECT_FALSE(cache.find(file(1, 1000, 5)));
  EXPECT_FALSE(cache.find(file(2, 999, 999'999'999)));
  EXPECT_TRUE(cache.find(file(3, 999, 900'000'000)));
  EXPECT_FALSE(cache.find(touched));
}

TEST_F(StatCacheTest, TimesInWholeSecondsAreTrustedOnlyAfterASecond) {
  StatCache cache = load();
  const struct timespec started = {1000, 500'000'000};
  cache.put(file(1, 1000, 0), digest_of("same second"), started);
  cache.put(file(2, 999, 0), digest_of("the second before"), started);
  EXPECT_FALSE(cache.find(file(1, 1000, 0)));
  EXPECT_TRUE(cache.find(file(2, 999, 0)));
}

TEST_F(StatCacheTest, NothingIsWrittenWhenNothingChanged) {
  StatCache cache = load();
  cache.put(file(1, 500), digest_of("x"), kStarted);
  ASSERT_OK(cache.save(*store_));
  ASSERT_OK_AND_ASSIGN(const struct stat before, sys::stat_at(AT_FDCWD, only_file()));
  StatCache again = load();
  ASSERT_TRUE(again.find(file(1, 500)));
  ASSERT_OK(again.save(*store_));
  ASSERT_OK_AND_ASSIGN(const struct stat after, sys::stat_at(AT_FDCWD, only_file()));
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST_F(StatCacheTest, ADamagedFileIsAnEmptyCache) {
  StatCache cache = load();
  for (ino_t inode = 1; inode <= 100; ++inode) cache.put(file(inode, 500), digest_of("x"), kStarted);
  ASSERT_OK(cache.save(*store_));
  ASSERT_OK_AND_ASSIGN(const std::string good, sys::read_file(AT_FDCWD, only_file()));
  std::string flipped = good;
  flipped[good.size() / 2] = static_cast<char>(flipped[good.size() / 2] ^ 1);
  std::string zeroed = good;
  std::fill(zeroed.begin() + 4096, zeroed.end(), '\0');
  for (const std::string& bad : {flipped, zeroed, good.substr(0, good.size() - 8), std::string("short")}) {
    ASSERT_OK(sys::replace_file(AT_FDCWD, only_file(), bad, 0600));
    EXPECT_EQ(load().size(), 0U);
  }
  ASSERT_OK(sys::replace_file(AT_FDCWD, only_file(), good, 0600));
  EXPECT_EQ(load().size(), 100U);
}

TEST_F(StatCacheTest, EntriesNobodyAskedForGoWhenTheyAreMost) {
  StatCache cache = load();
  for (ino_t inode = 1; inode <= 5000; ++inode) cache.put(file(inode, 500), digest_of("x"), kStarted);
  ASSERT_OK(cache.save(*store_));
  StatCache most = load();
  for (ino_t inode = 1; inode <= 3000; ++inode) ASSERT_TRUE(most.find(file(inode, 500)));
  ASSERT_OK(most.save(*store_));
  EXPECT_EQ(load().size(), 5000U);
  StatCache few = load();
  for (ino_t inode = 1; inode <= 10; ++inode) ASSERT_TRUE(few.find(file(inode, 500)));
  ASSERT_OK(few.save(*store_));
  StatCache after = load();
  EXPECT_EQ(after.size(), 10U);
  EXPECT_TRUE(after.find(file(10, 500)));
}

}  // namespace
}  // namespace shale::store
