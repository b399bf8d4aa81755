// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sqlite3.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include "runtime/scratch.h"
#include "shale/images.h"
#include "store/blobs.h"
#include "store/cache.h"
#include "store/cache_mounts.h"
#include "store/database.h"
#include "store/images.h"
#include "testing.h"

namespace shale::store {
namespace {

TEST_F(StoreTest, OpenMakesAPrivateDirectory) {
  ASSERT_OK(Store::open(root_ + "/deep/er"));
  struct stat info{};
  ASSERT_EQ(::stat((root_ + "/deep/er").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700U);
}

TEST_F(StoreTest, OpenRefusesADirectoryOthersCanEnter) {
  ASSERT_OK(Store::open(root_));
  ASSERT_EQ(::chmod(root_.c_str(), 0750), 0);
  const Result<Store> store = Store::open(root_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind(), ErrorKind::kPermission);
  EXPECT_NE(render(store.error(), false).find("chmod 700"), std::string::npos);
}

TEST_F(StoreTest, OpenRefusesAnotherUsersStore) {
  if (::geteuid() != 0) GTEST_SKIP() << "giving a directory away needs root";
  ASSERT_OK(Store::open(root_));
  ASSERT_EQ(::chown(root_.c_str(), 1, 1), 0);
  const Result<Store> store = Store::open(root_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind(), ErrorKind::kPermission);
}

TEST_F(StoreTest, OpenRefusesADirectoryThatHoldsSomethingElse) {
  ASSERT_OK(sys::make_dir(AT_FDCWD, root_, 0700));
  ASSERT_OK(sys::replace_file(AT_FDCWD, root_ + "/thesis.tex", "text", 0600));
  const Result<Store> store = Store::open(root_);
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().message().find("thesis.tex"), std::string::npos);
  EXPECT_EQ(entries_in("."), 1U);
}

TEST_F(StoreTest, OpenTakesAnEmptyDirectoryOfOursAndClosesIt) {
  ASSERT_OK(sys::make_dir(AT_FDCWD, root_, 0755));
  ASSERT_EQ(::chmod(root_.c_str(), 0755), 0);
  ASSERT_OK(Store::open(root_));
  struct stat info{};
  ASSERT_EQ(::stat(root_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700U);
}

TEST_F(StoreTest, OpenClosesADirectoryInWhichOnlyAProbeWas) {
  ASSERT_OK(sys::make_dir(AT_FDCWD, root_, 0755));
  ASSERT_EQ(::chmod(root_.c_str(), 0755), 0);
  ASSERT_OK(sys::replace_file(AT_FDCWD, root_ + "/isolation", "{}", 0600));
  ASSERT_OK(Store::open(root_));
  struct stat info{};
  ASSERT_EQ(::stat(root_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700U);
}

TEST_F(StoreTest, OpenClosesNoDirectoryInWhichOthersWere) {
  if (::geteuid() != 0) GTEST_SKIP() << "giving a file away needs root";
  ASSERT_OK(sys::make_dir(AT_FDCWD, root_, 0755));
  ASSERT_EQ(::chmod(root_.c_str(), 0777), 0);
  ASSERT_OK(sys::replace_file(AT_FDCWD, root_ + "/isolation", "{}", 0600));
  ASSERT_EQ(::chown((root_ + "/isolation").c_str(), 1, 1), 0);
  EXPECT_FALSE(Store::open(root_));
}

// The isolation probe asks before there is a store, at the same time as another build, or is killed.
TEST_F(StoreTest, OpenMakesAStoreBesideAProbe) {
  ASSERT_EQ(::mkdir(root_.c_str(), 0700), 0);
  ASSERT_EQ(::mkdir((root_ + "/probe-Ab12Cd").c_str(), 0700), 0);
  EXPECT_TRUE(Store::open(root_));
}

TEST_F(StoreTest, OpenRemovesWhatAKilledProbeLeft) {
  ASSERT_OK(Store::open(root_));
  const std::string dead = root_ + "/probe-Ab12Cd";
  ASSERT_OK(sys::make_dir(AT_FDCWD, dead, 0700));
  ASSERT_OK(sys::make_dir(AT_FDCWD, dead + "/work", 0));
  {
    // One that is at work may be any of them.
    ASSERT_OK_AND_ASSIGN(const runtime::Scratch live, runtime::Scratch::create(root_));
    ASSERT_OK(Store::open(root_));
    EXPECT_TRUE(sys::exists_at(AT_FDCWD, dead));
    EXPECT_TRUE(sys::exists_at(AT_FDCWD, live.path()));
  }
  ASSERT_OK(Store::open(root_));
  EXPECT_FALSE(sys::exists_at(AT_FDCWD, dead));
}

// See keep_apart() in store/root.cc.
TEST_F(StoreTest, BuildsAreApartOnExt4) {
  ASSERT_OK(Store::open(root_));
  struct statfs system{};
  ASSERT_EQ(::statfs(root_.c_str(), &system), 0);
  if (system.f_type != EXT4_SUPER_MAGIC) GTEST_SKIP() << "the temporary directory is not on ext4";
  ASSERT_OK_AND_ASSIGN(const UniqueFd builds,
                       sys::open_at(AT_FDCWD, root_ + "/builds", O_RDONLY | O_DIRECTORY));
  int flags = 0;
  ASSERT_EQ(::ioctl(builds.get(), FS_IOC_GETFLAGS, &flags), 0);
  EXPECT_NE(flags & FS_TOPDIR_FL, 0);
}

TEST_F(StoreTest, OpenFinishesAnInterruptedCreation) {
  ASSERT_OK(Store::open(root_));
  ASSERT_EQ(::unlink((root_ + "/version").c_str()), 0);
  ASSERT_EQ(::rmdir((root_ + "/trash").c_str()), 0);
  ASSERT_OK(Store::open(root_));
  EXPECT_TRUE(sys::exists_at(AT_FDCWD, root_ + "/trash"));
}

TEST_F(StoreTest, OpenRefusesANewerDatabase) {
  ASSERT_OK(Store::open(root_));
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open((root_ + "/db.sqlite").c_str(), &handle), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(handle, "PRAGMA user_version=1000", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(handle);
  const Result<Store> store = Store::open(root_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind(), ErrorKind::kUnsupported);
}

TEST_F(StoreTest, OpenReportsADamagedDatabase) {
  ASSERT_OK(Store::open(root_));
  for (const char* suffix : {"-wal", "-shm"}) ::unlink((root_ + "/db.sqlite" + suffix).c_str());
  ASSERT_OK(sys::replace_file(AT_FDCWD, root_ + "/db.sqlite", std::string(8192, 'x'), 0600));
  const Result<Store> store = Store::open(root_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind(), ErrorKind::kCorrupt);
  EXPECT_EQ(exit_code(store.error()), 5);
}

TEST_F(StoreTest, ManyFirstOpensAtOnceAllSucceed) {
  constexpr int kProcesses = 8;
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      const Result<Store> store = Store::open(root_);
      if (!store) ::fputs(render(store.error(), false).c_str(), stderr);
      ::_exit(store ? 0 : 1);
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
}

TEST_F(StoreTest, TwoProcessesSeeEachOthersLayers) {
  ASSERT_OK_AND_ASSIGN(Store ours, Store::open(root_));
  ASSERT_OK(ours.close());
  ASSERT_TRUE(in_child([&] {
    Result<Store> store = Store::open(root_);
    Result<BuildLease> lease = BuildLease::create(*store);
    return publish_file(*store, *lease, "a", "x").has_value();
  }));
  ASSERT_OK_AND_ASSIGN(Store again, Store::open(root_));
  ASSERT_OK_AND_ASSIGN(auto found,
                       again.layers().find_content(file_layer("a", "x").manifest->content_key(), kEncoding));
  ASSERT_TRUE(found);
  ASSERT_OK_AND_ASSIGN(const auto manifest, again.layers().load_manifest(found->id));
  EXPECT_NE(manifest->find("a"), nullptr);
}

TEST_F(StoreTest, ProcessesThatPublishAtTheSameTimeLoseNothing) {
  constexpr int kProcesses = 4;
  constexpr int kLayers = 25;
  {
    ASSERT_OK(Store::open(root_));
  }
  std::vector<pid_t> children;
  for (int child = 0; child < kProcesses; ++child) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      Result<Store> store = Store::open(root_);
      if (!store) ::_exit(1);
      Result<BuildLease> lease = BuildLease::create(*store);
      for (int i = 0; lease && i < kLayers; ++i)
        if (!publish_file(*store, *lease, "f", std::to_string(child * kLayers + i))) ::_exit(2);
      ::_exit(lease && lease->finish(*store) ? 0 : 3);
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
  ASSERT_OK_AND_ASSIGN(Store store, Store::open(root_));
  EXPECT_EQ(entries_in("layers"), static_cast<std::size_t>(kProcesses * kLayers));
  for (int i = 0; i < kProcesses * kLayers; ++i) {
    ASSERT_OK_AND_ASSIGN(
        const auto found,
        store.layers().find_content(file_layer("f", std::to_string(i)).manifest->content_key(), kEncoding));
    ASSERT_TRUE(found) << i;
    EXPECT_TRUE(sys::exists_at(AT_FDCWD, store.layers().fs_path_absolute(found->id) + "/f"));
  }
}

// Kills a publishing process at many different moments; whatever it had in hand, the rows and the directories
// agree.
TEST_F(StoreTest, KilledPublishersLeaveAStoreThatWorks) {
  {
    ASSERT_OK(Store::open(root_));
  }
  for (int round = 0; round < 40; ++round) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      Result<Store> store = Store::open(root_);
      Result<BuildLease> lease = BuildLease::create(*store);
      for (int i = 0;; ++i)
        if (!publish_file(*store, *lease, "f", std::to_string(round) + "/" + std::to_string(i))) ::_exit(1);
    }
    ::usleep(static_cast<useconds_t>(3000 + 170 * round));
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
  }
  ASSERT_OK_AND_ASSIGN(Store store, Store::open(root_));
  EXPECT_EQ(entries_in("builds"), 0U);
  ASSERT_OK_AND_ASSIGN(Statement rows, store.database().prepare("SELECT id FROM layers"));
  std::vector<std::string> ids;
  for (;;) {
    ASSERT_OK_AND_ASSIGN(const bool row, rows.step());
    if (!row) break;
    ids.push_back(rows.text(0));
  }
  EXPECT_GT(ids.size(), 0U);
  for (const std::string& id : ids) {
    EXPECT_TRUE(sys::exists_at(AT_FDCWD, store.layers().fs_path_absolute(id) + "/f")) << id;
    EXPECT_TRUE(store.layers().load_manifest(id)) << id;
  }
  // What died between rename and commit is found here.
  ASSERT_OK(store.collect_garbage());
  EXPECT_EQ(entries_in("layers"), 0U);  // no image, no record, no build holds any of them
  ASSERT_OK_AND_ASSIGN(BuildLease lease, BuildLease::create(store));
  ASSERT_OK(publish_file(store, lease, "f", "after"));
}

TEST_F(StoreTest, DeadBuildsAreSweptAndLiveOnesAreNot) {
  {
    ASSERT_OK(Store::open(root_));
  }
  ASSERT_TRUE(in_child([&] {
    Result<Store> store = Store::open(root_);
    Result<BuildLease> lease = BuildLease::create(*store);
    return lease->new_directory().has_value();  // dies with the process, unfinished
  }));
  ASSERT_OK_AND_ASSIGN(Store store, Store::open(root_));
  EXPECT_EQ(entries_in("builds"), 0U);
  EXPECT_EQ(entries_in("trash"), 1U);
  ASSERT_OK_AND_ASSIGN(BuildLease lease, BuildLease::create(store));
  ASSERT_TRUE(in_child([&] { return Store::open(root_).has_value(); }));
  EXPECT_EQ(entries_in("builds"), 1U);
  ASSERT_OK(lease.finish(store));
  EXPECT_EQ(entries_in("builds"), 0U);
}

TEST_F(StoreTest, ALeaseLivesInACloneAfterItsMakerEnded) {
  {
    ASSERT_OK(Store::open(root_));
  }
  // The child makes a lease and a grandchild that keeps it; then the child ends.
  int alive[2];
  ASSERT_EQ(::pipe2(alive, O_CLOEXEC), 0);
  pid_t grandchild = -1;
  ASSERT_TRUE(in_child([&] {
    Result<Store> store = Store::open(root_);
    Result<BuildLease> lease = BuildLease::create(*store);
    if (!store->close()) return false;
    const pid_t pid = ::fork();
    if (pid == 0) {
      for (;;) ::pause();
    }
    return ::write(alive[1], &pid, sizeof pid) == sizeof pid;
  }));
  ASSERT_EQ(::read(alive[0], &grandchild, sizeof grandchild), static_cast<ssize_t>(sizeof grandchild));
  {
    ASSERT_OK(Store::open(root_));
  }
  EXPECT_EQ(entries_in("builds"), 1U);
  ASSERT_EQ(::kill(grandchild, SIGKILL), 0);
  // It is not our child, so its end is seen by its lock only.
  for (int i = 0; i < 200 && entries_in("builds") != 0; ++i) {
    ::usleep(5000);
    ASSERT_OK(Store::open(root_));
  }
  EXPECT_EQ(entries_in("builds"), 0U);
  ::close(alive[0]);
  ::close(alive[1]);
}

TEST_F(StoreTest, WhatWasNotSyncedBeforeARebootIsDropped) {
  std::string synced;
  std::string unsynced;
  const std::string blob_text = "blob";
  {
    ASSERT_OK_AND_ASSIGN(Store store, Store::open(root_));
    ASSERT_OK_AND_ASSIGN(BuildLease lease, BuildLease::create(store));
    ASSERT_OK_AND_ASSIGN(const LayerRecord first, publish_file(store, lease, "a", "1"));
    synced = first.id;
    ASSERT_OK(store.sync());
    ASSERT_OK_AND_ASSIGN(const LayerRecord second, publish_file(store, lease, "a", "2"));
    unsynced = second.id;
    CacheRecord record{.key = digest_of("key"),
                       .definition = digest_of("op"),
                       .encoding = kEncoding,
                       .layers = {synced, unsynced}};
    ASSERT_OK(store.cache().put(record));
    ASSERT_OK_AND_ASSIGN(BlobWriter writer, store.blobs().create());
    ASSERT_OK(writer.write(blob_text));
    ASSERT_OK(writer.commit(lease));
    ASSERT_OK(lease.finish(store));
    // As if another boot had written it.
    ASSERT_OK(
        store.database().execute("UPDATE meta SET value = 'earlier'; UPDATE layers SET boot_id = 'earlier';"
                                 "UPDATE blobs SET boot_id = 'earlier'"));
    ASSERT_OK(store.close());
  }
  ASSERT_OK_AND_ASSIGN(Store store, Store::open(root_));
  ASSERT_OK_AND_ASSIGN(const auto kept, store.layers().find(synced));
  ASSERT_TRUE(kept);
  EXPECT_TRUE(kept->durable);
  ASSERT_OK_AND_ASSIGN(const auto dropped, store.layers().find(unsynced));
  EXPECT_FALSE(dropped);
  EXPECT_EQ(entries_in("layers"), 1U);
  ASSERT_OK_AND_ASSIGN(const auto record, store.cache().lookup(digest_of("key"), kEncoding));
  EXPECT_FALSE(record);  // a record without one of its layers is none
  EXPECT_FALSE(store.blobs().has(digest_of(blob_text)));
}

// Garbage collection by another process finds a blob that was just made or fetched held already.
TEST_F(StoreTest, ANewBlobIsHeldFromItsFirstMoment) {
  ASSERT_OK_AND_ASSIGN(Store store, Store::open(root_));
  ASSERT_OK_AND_ASSIGN(Store other, Store::open(root_));
  ASSERT_OK_AND_ASSIGN(BuildLease lease, BuildLease::create(store));
  ASSERT_OK_AND_ASSIGN(BlobWriter writer, store.blobs().create());
  ASSERT_OK(writer.write("made"));
  ASSERT_OK_AND_ASSIGN(const Digest made, writer.commit(lease));
  const Digest fetched = digest_of("fetched");
  ASSERT_OK(sys::replace_file(AT_FDCWD, store.blobs().path(fetched), "fetched", 0644));
  ASSERT_OK(store.blobs().adopt(lease, fetched));
  const Digest moved = digest_of("moved");
  ASSERT_OK(sys::replace_file(AT_FDCWD, root_ + "/builds/file", "moved", 0644));
  ASSERT_OK(store.blobs().adopt_file(lease, root_ + "/builds/file", moved));
  ASSERT_OK(other.collect_garbage());
  for (const Digest& digest : {made, fetched, moved}) EXPECT_TRUE(store.blobs().has(digest));
  ASSERT_OK(lease.finish(store));
  ASSERT_OK(other.collect_garbage());
  for (const Digest& digest : {made, fetched, moved}) EXPECT_FALSE(store.blobs().has(digest));
}

TEST_F(StoreTest, ABlobThatIsGoneCannotBeAdopted) {
  ASSERT_OK_AND_ASSIGN(Store store, Store::open(root_));
  ASSERT_OK_AND_ASSIGN(BuildLease lease, BuildLease::create(store));
  const Status adopted = store.blobs().adopt(lease, digest_of("gone"));
  ASSERT_FALSE(adopted);
  EXPECT_EQ(adopted.error().kind(), ErrorKind::kNotFound);
  EXPECT_FALSE(adopted.error().hints().empty());
}

// An error that says nothing about the build (here: a lock that is a link) is no proof of its death.
TEST_F(StoreTest, ABuildWhoseLockCannotBeTriedIsNotSwept) {
  {
    ASSERT_OK_AND_ASSIGN(Store store, Store::open(root_));
    ASSERT_OK(store.close());
  }
  const std::string build = root_ + "/builds/somebody";
  ASSERT_OK(sys::make_dir(AT_FDCWD, build, 0700));
  ASSERT_EQ(::symlink("nowhere", (build + "/lock").c_str()), 0);
  {
    ASSERT_OK_AND_ASSIGN(Store store, Store::open(root_));
    EXPECT_TRUE(sys::exists_at(AT_FDCWD, build));
    ASSERT_EQ(::unlink((build + "/lock").c_str()), 0);
    ASSERT_OK(store.close());
  }
  ASSERT_OK(Store::open(root_));
  EXPECT_FALSE(sys::exists_at(AT_FDCWD, build));
}

TEST_F(StoreTest, TheTrashIsEmptiedInPortions) {
  ASSERT_OK_AND_ASSIGN(Store store, Store::open(root_));
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK_AND_ASSIGN(BuildLease lease, BuildLease::create(store));
    ASSERT_OK(lease.new_directory());
    ASSERT_OK(lease.finish(store));
  }
  ASSERT_OK_AND_ASSIGN(const TrashResult none, store.empty_trash(std::chrono::milliseconds(0)));
  EXPECT_EQ(none.removed, 0U);
  EXPECT_EQ(none.left, 3U);
  ASSERT_OK_AND_ASSIGN(const TrashResult all, store.empty_trash(std::chrono::seconds(60)));
  EXPECT_EQ(all.removed, 3U);
  EXPECT_EQ(entries_in("trash"), 0U);
}

TEST_F(StoreTest, GarbageIsWhatNobodyHolds) {
  ASSERT_OK_AND_ASSIGN(Store store, Store::open(root_));
  ASSERT_OK_AND_ASSIGN(BuildLease lease, BuildLease::create(store));
  ASSERT_OK_AND_ASSIGN(const LayerRecord of_image, publish_file(store, lease, "a", "image"));
  ASSERT_OK_AND_ASSIGN(const LayerRecord of_cache, publish_file(store, lease, "a", "cache"));
  ASSERT_OK_AND_ASSIGN(const LayerRecord of_nobody, publish_file(store, lease, "a", "nobody"));
  ImageRecord image{.id = digest_of("{}"), .config_json = "{}", .diff_ids = {of_image.diff_id}};
  const std::vector<TagRecord> tags{{.reference = "docker.io/library/a:1", .image = image.id}};
  ASSERT_OK(store.images().put(image, tags));
  ASSERT_OK(store.cache().put(
      {.key = digest_of("k"), .definition = digest_of("d"), .encoding = kEncoding, .layers = {of_cache.id}}));

  ASSERT_OK_AND_ASSIGN(const GcResult while_running, store.collect_garbage());
  EXPECT_EQ(while_running.layers, 0U);  // the build holds what it published
  ASSERT_OK(lease.finish(store));
  ASSERT_OK_AND_ASSIGN(const GcResult after, store.collect_garbage());
  EXPECT_EQ(after.layers, 1U);
  EXPECT_FALSE(sys::exists_at(AT_FDCWD, store.layers().fs_path_absolute(of_nobody.id)));
  ASSERT_OK_AND_ASSIGN(GcResult cache, store.collect_garbage({.unused_for = std::chrono::hours(1)}));
  EXPECT_EQ(cache.cache_records, 0U);
  ASSERT_OK_AND_ASSIGN(cache, store.collect_garbage({.unused_for = std::chrono::seconds(0)}));
  EXPECT_EQ(cache.cache_records, 1U);
  EXPECT_EQ(cache.images, 0U);
  EXPECT_EQ(cache.layers, 1U);
  EXPECT_EQ(entries_in("layers"), 1U);
  EXPECT_TRUE(sys::exists_at(AT_FDCWD, store.layers().fs_path_absolute(of_image.id)));
  // Without its name it goes too.
  ASSERT_OK(store.images().untag(tags[0].reference));
  ASSERT_OK_AND_ASSIGN(cache, store.collect_garbage({.unused_for = std::chrono::seconds(0)}));
  EXPECT_EQ(cache.images, 1U);
  EXPECT_EQ(entries_in("layers"), 0U);
}

TEST_F(StoreTest, ACacheMountInUseIsNotGarbage) {
  ASSERT_OK_AND_ASSIGN(Store store, Store::open(root_));
  {
    CacheMountRequest request;
    request.id = "unused";
    ASSERT_OK(store.cache_mounts().acquire(request));
    request.id = "used";
    ASSERT_OK_AND_ASSIGN(const CacheMount used, store.cache_mounts().acquire(request));
    ASSERT_OK_AND_ASSIGN(const GcResult first,
                         store.collect_garbage({.unused_for = std::chrono::seconds(0)}));
    EXPECT_EQ(first.cache_mounts, 1U);
    EXPECT_TRUE(sys::exists_at(AT_FDCWD, root_ + "/" + used.path()));
  }
  ASSERT_OK_AND_ASSIGN(const GcResult second, store.collect_garbage({.unused_for = std::chrono::seconds(0)}));
  EXPECT_EQ(second.cache_mounts, 1U);
  EXPECT_EQ(entries_in("trash"), 2U);
}

TEST_F(StoreTest, WhatRemovesThingsMayUseTheReserve) {
  ASSERT_OK_AND_ASSIGN(Store store, Store::open(root_));
  const std::string reserve = root_ + "/reserve";
  struct stat info{};
  ASSERT_EQ(::stat(reserve.c_str(), &info), 0);
  EXPECT_GE(info.st_blocks, 2048);  // real ones, of 512 bytes
  int calls = 0;
  const auto full_at_first = [&]() -> Status {
    if (++calls > 1) return {};
    return fail_errno(ENOSPC, "write");
  };
  ASSERT_OK(store.with_reserve([&]() -> Status {
    const bool first = calls == 0;
    EXPECT_EQ(sys::exists_at(AT_FDCWD, reserve), first);
    return full_at_first();
  }));
  EXPECT_EQ(calls, 2);
  EXPECT_TRUE(sys::exists_at(AT_FDCWD, reserve));  // made again
  // Another error is not tried again, and costs no reserve.
  const Status other = store.with_reserve([&]() -> Status {
    ++calls;
    return fail_errno(EIO, "write");
  });
  EXPECT_FALSE(other);
  EXPECT_EQ(calls, 3);
  EXPECT_TRUE(sys::exists_at(AT_FDCWD, reserve));
}

// What a publisher leaves that dies between its rename and its commit.
TEST_F(StoreTest, ALayerDirectoryWithoutARowIsGarbage) {
  ASSERT_OK_AND_ASSIGN(Store store, Store::open(root_));
  ASSERT_OK(sys::make_dir(AT_FDCWD, root_ + "/layers/aaaaaaaaaa/fs", 0700, true));
  ASSERT_OK(store.collect_garbage());
  EXPECT_EQ(entries_in("layers"), 0U);
  EXPECT_EQ(entries_in("trash"), 1U);
}

TEST_F(StoreTest, HoldingWhatIsGoneIsAMiss) {
  ASSERT_OK_AND_ASSIGN(Store store, Store::open(root_));
  ASSERT_OK_AND_ASSIGN(BuildLease lease, BuildLease::create(store));
  const std::vector<std::string> ids = {"aaaaaaaaaa"};
  const Status held = lease.hold_layers(store, ids);
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().kind(), ErrorKind::kNotFound);
}

}  // namespace
}  // namespace shale::store
