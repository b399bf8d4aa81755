// SPDX-License-Identifier: Apache-2.0
// Mounts are made in a child with its own user and mount namespace, and are never attached: the machine's
// mounts are out of reach.
#include "store/snapshot.h"

#include <sys/sysmacros.h>

#include "store/cache_mounts.h"
#include "support/namespace.h"
#include "sys/overlay.h"
#include "testing.h"

namespace shale::store {
namespace {

using test::enter_namespace;
using test::kCannot;

class SnapshotTest : public StoreTest {
 protected:
  // `body` gets an open store inside the namespaces, with two layers: "lower" holds a=1, b=1, d/x; "upper"
  // holds a=2.
  struct Stack {
    Store store;
    BuildLease lease;
    std::vector<std::string> paths;  // lowest first
  };
  static Result<Stack> make_stack(const std::string& root) {
    ASSIGN_OR_RETURN(Store store, Store::open(root));
    ASSIGN_OR_RETURN(BuildLease lease, BuildLease::create(store));
    Stack stack{std::move(store), std::move(lease), {}};
    for (const char* level : {"1", "2"}) {
      ASSIGN_OR_RETURN(WorkDirectory directory, stack.lease.new_directory());
      RETURN_IF_ERROR(sys::replace_file(directory.fs.get(), "a", level, 0644));
      if (*level == '1') {
        RETURN_IF_ERROR(sys::replace_file(directory.fs.get(), "b", level, 0644));
        RETURN_IF_ERROR(sys::make_dir(directory.fs.get(), "d", 0755));
        RETURN_IF_ERROR(sys::replace_file(directory.fs.get(), "d/x", level, 0644));
      }
      ASSIGN_OR_RETURN(
          const LayerRecord layer,
          stack.store.layers().publish(stack.lease, std::move(directory), file_layer("a", level)));
      stack.paths.push_back(Layers::fs_path(layer.id));
    }
    return stack;
  }
  void in_namespace(const std::function<int(Stack&)>& body) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      if (!enter_namespace()) ::_exit(kCannot);
      Result<Stack> stack = make_stack(root_);
      if (!stack) ::fputs(render(stack.error(), false).c_str(), stderr);
      ::_exit(stack ? body(*stack) : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == kCannot) GTEST_SKIP() << "no user namespaces here";
    EXPECT_EQ(status, 0);
  }
};

TEST_F(SnapshotTest, UpperLayersHideLowerOnes) {
  in_namespace([](Stack& stack) {
    const Result<UniqueFd> mount = mount_read_only(stack.store, stack.paths, stack.lease.new_mount_path());
    CHECK_OK_IN_CHILD(mount);
    CHECK_IN_CHILD(sys::read_file(mount->get(), "a") == "2");
    CHECK_IN_CHILD(sys::read_file(mount->get(), "b") == "1");
    const Result<UniqueFd> written = sys::open_at(mount->get(), "new", O_WRONLY | O_CREAT, 0644);
    CHECK_IN_CHILD(!written && written.error().errno_value() == EROFS);
    return 0;
  });
}

// What Linux before 6.8 has. Twice, as one RUN may bind two stages.
TEST_F(SnapshotTest, AReadOnlySnapshotNeedsNoNewKernel) {
  in_namespace([](Stack& stack) {
    for (int i = 0; i < 2; ++i) {
      const Result<UniqueFd> mount = mount_read_only(stack.store, stack.paths, stack.lease.new_mount_path(),
                                                     sys::OverlaySpec::Method::kMount);
      CHECK_OK_IN_CHILD(mount);
      CHECK_IN_CHILD(sys::read_file(mount->get(), "a") == "2");
      CHECK_IN_CHILD(!sys::open_at(mount->get(), "new", O_WRONLY | O_CREAT, 0644));
    }
    return 0;
  });
}

TEST_F(SnapshotTest, AReadOnlySnapshotOfOneLayerOrNoneCannotBeWritten) {
  in_namespace([](Stack& stack) {
    const Result<UniqueFd> one = mount_read_only(stack.store, std::span(stack.paths).first(1), {});
    CHECK_OK_IN_CHILD(one);
    CHECK_IN_CHILD(sys::read_file(one->get(), "a") == "1");
    CHECK_IN_CHILD(!sys::open_at(one->get(), "new", O_WRONLY | O_CREAT, 0644));
    const Result<UniqueFd> none = mount_read_only(stack.store, {}, {});
    CHECK_OK_IN_CHILD(none);
    CHECK_IN_CHILD(sys::list_dir(none->get())->empty());
    CHECK_IN_CHILD(!sys::open_at(none->get(), "new", O_WRONLY | O_CREAT, 0644));
    return 0;
  });
}

TEST_F(SnapshotTest, WritesGoToTheWorkDirectoryOnly) {
  in_namespace([](Stack& stack) {
    Result<WorkDirectory> directory = stack.lease.new_directory();
    CHECK_OK_IN_CHILD(directory);
    {
      const Result<UniqueFd> mount = mount_writable(stack.store, stack.paths, *directory);
      CHECK_OK_IN_CHILD(mount);
      CHECK_IN_CHILD(sys::replace_file(mount->get(), "a", "3", 0644));
      CHECK_IN_CHILD(::unlinkat(mount->get(), "b", 0) == 0);
      // The trap of an overlay without userxattr: EIO.
      CHECK_IN_CHILD(sys::remove_tree(mount->get(), "d"));
      CHECK_IN_CHILD(::mkdirat(mount->get(), "d", 0755) == 0);
      CHECK_IN_CHILD(!sys::exists_at(mount->get(), "d/x"));
    }
    CHECK_IN_CHILD(sys::read_file(directory->fs.get(), "a") == "3");
    const Result<struct stat> whiteout = sys::stat_at(directory->fs.get(), "b");
    CHECK_OK_IN_CHILD(whiteout);
    CHECK_IN_CHILD(S_ISCHR(whiteout->st_mode) && whiteout->st_rdev == makedev(0, 0));
    CHECK_IN_CHILD(sys::read_file(stack.store.root_fd(), stack.paths[1] + "/a") == "2");
    CHECK_IN_CHILD(sys::read_file(stack.store.root_fd(), stack.paths[0] + "/d/x") == "1");
    // The finished upper directory is the next layer.
    Result<LayerRecord> layer =
        stack.store.layers().publish(stack.lease, std::move(*directory), file_layer("a", "3"));
    CHECK_OK_IN_CHILD(layer);
    stack.paths.push_back(Layers::fs_path(layer->id));
    const Result<UniqueFd> next = mount_read_only(stack.store, stack.paths, stack.lease.new_mount_path());
    CHECK_OK_IN_CHILD(next);
    CHECK_IN_CHILD(sys::read_file(next->get(), "a") == "3");
    CHECK_IN_CHILD(!sys::exists_at(next->get(), "b"));
    return 0;
  });
}

TEST_F(SnapshotTest, ANewUpperKeepsTheRootDirectoryOfTheLayersBelow) {
  in_namespace([](Stack& stack) {
    const Result<UniqueFd> top = sys::open_at(stack.store.root_fd(), stack.paths[1], O_RDONLY | O_DIRECTORY);
    CHECK_OK_IN_CHILD(top);
    CHECK_IN_CHILD(::fchmod(top->get(), 01751) == 0);
    CHECK_IN_CHILD(sys::set_xattr(top->get(), "user.note", "kept"));
    CHECK_IN_CHILD(sys::set_xattr(top->get(), "user.overlay.opaque", "y"));
    const struct timespec times[2] = {{1234567, 89}, {1234567, 89}};
    CHECK_IN_CHILD(::futimens(top->get(), times) == 0);
    Result<WorkDirectory> directory = stack.lease.new_directory();
    CHECK_OK_IN_CHILD(directory);
    const Result<UniqueFd> mount = mount_writable(stack.store, stack.paths, *directory);
    CHECK_OK_IN_CHILD(mount);
    const Result<struct stat> root = sys::stat_at(mount->get(), "");
    CHECK_OK_IN_CHILD(root);
    CHECK_IN_CHILD((root->st_mode & 07777) == 01751);
    CHECK_IN_CHILD(root->st_mtim.tv_sec == 1234567 && root->st_mtim.tv_nsec == 89);
    const Result<std::vector<sys::Xattr>> attributes = sys::list_xattrs(directory->fs.get());
    CHECK_OK_IN_CHILD(attributes);
    bool kept = false;
    for (const sys::Xattr& attribute : *attributes) {
      kept = kept || (attribute.name == "user.note" && attribute.value == "kept");
      CHECK_IN_CHILD(attribute.name != "user.overlay.opaque");
    }
    CHECK_IN_CHILD(kept);
    return 0;
  });
}

TEST_F(SnapshotTest, AnEmptyStackIsWritable) {
  in_namespace([](Stack& stack) {
    Result<WorkDirectory> directory = stack.lease.new_directory();
    CHECK_OK_IN_CHILD(directory);
    const Result<UniqueFd> mount = mount_writable(stack.store, {}, *directory);
    CHECK_OK_IN_CHILD(mount);
    CHECK_IN_CHILD((sys::stat_at(mount->get(), "")->st_mode & 07777) == 0755);
    CHECK_IN_CHILD(sys::replace_file(mount->get(), "first", "x", 0644));
    CHECK_IN_CHILD(sys::list_dir(directory->fs.get()) == std::vector<std::string>{"first"});
    return 0;
  });
}

TEST_F(SnapshotTest, EveryWayOfMountingShowsTheSame) {
  using Method = sys::OverlaySpec::Method;
  for (const Method method : {Method::kDescriptors, Method::kPaths, Method::kMount}) {
    in_namespace([method](Stack& stack) {
      Result<WorkDirectory> directory = stack.lease.new_directory();
      CHECK_OK_IN_CHILD(directory);
      CHECK_OK_IN_CHILD(sys::make_dir(stack.store.root_fd(), directory->work_path(), 0700));
      const sys::OverlaySpec spec{.dir = stack.store.root_fd(),
                                  .lowers = {stack.paths[1], stack.paths[0]},
                                  .upper = directory->fs_path(),
                                  .work = directory->work_path(),
                                  .mount_point = directory->mount_path(),
                                  .method = method};
      const Result<UniqueFd> mount = sys::mount_overlay(spec);
      // Descriptors came with Linux 6.13, lowerdir+ with 6.8.
      if (!mount && method == Method::kDescriptors && mount.error().errno_value() == EINVAL) return kCannot;
      CHECK_OK_IN_CHILD(mount);
      CHECK_IN_CHILD(sys::read_file(mount->get(), "a") == "2");
      CHECK_IN_CHILD(sys::read_file(mount->get(), "b") == "1");
      CHECK_IN_CHILD(sys::replace_file(mount->get(), "n", "x", 0644));
      CHECK_IN_CHILD(sys::exists_at(directory->fs.get(), "n"));
      // Nothing stays attached.
      const Result<std::string> mounts = sys::read_file(AT_FDCWD, "/proc/self/mountinfo");
      CHECK_OK_IN_CHILD(mounts);
      CHECK_IN_CHILD(mounts->find(spec.mount_point) == std::string::npos);
      return 0;
    });
  }
}

TEST_F(SnapshotTest, StacksOfHundredsOfLayersCanBeMounted) {
  in_namespace([](Stack& stack) {
    std::vector<std::string> paths;
    for (int i = 0; i < 300; ++i) {
      Result<WorkDirectory> directory = stack.lease.new_directory();
      CHECK_OK_IN_CHILD(directory);
      CHECK_IN_CHILD(sys::replace_file(directory->fs.get(), fmt::format("f{}", i), "x", 0644));
      paths.push_back(directory->fs_path());
    }
    Result<WorkDirectory> directory = stack.lease.new_directory();
    const Result<UniqueFd> mount = mount_writable(stack.store, paths, *directory);
    CHECK_OK_IN_CHILD(mount);
    CHECK_IN_CHILD(sys::list_dir(mount->get())->size() == 300);
    return 0;
  });
}

TEST_F(SnapshotTest, ARefusedMountSaysWhatTheKernelSaid) {
  in_namespace([](Stack& stack) {
    Result<WorkDirectory> directory = stack.lease.new_directory();
    CHECK_OK_IN_CHILD(directory);
    // The upper among the lowers.
    const std::vector<std::string> paths = {stack.paths[0], directory->fs_path()};
    const Result<UniqueFd> mount = mount_writable(stack.store, paths, *directory);
    CHECK_IN_CHILD(!mount);
    CHECK_IN_CHILD(mount.error().errno_value() == ELOOP);
    CHECK_IN_CHILD(mount.error().message().find("overlay") != std::string::npos);
    return 0;
  });
}

class CacheMountsTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    ASSERT_OK_AND_ASSIGN(Store store, Store::open(root_));
    store_ = std::make_unique<Store>(std::move(store));
  }
  static CacheMountRequest request(CacheMountSharing sharing) {
    return {.id = "/root/.cache:x", .sharing = sharing, .uid = ::geteuid(), .gid = ::getegid(), .mode = 0750};
  }
  std::unique_ptr<Store> store_;
};

TEST_F(CacheMountsTest, ContentStaysFromOneUseToTheNext) {
  {
    ASSERT_OK_AND_ASSIGN(const CacheMount mount,
                         store_->cache_mounts().acquire(request(CacheMountSharing::kShared)));
    EXPECT_TRUE(mount.created());
    ASSERT_OK_AND_ASSIGN(const struct stat info, sys::stat_fd(mount.fd()));
    EXPECT_EQ(info.st_mode & 07777, 0750U);
    ASSERT_OK(sys::replace_file(mount.fd(), "kept", "x", 0644));
  }
  CacheMountRequest other_mode = request(CacheMountSharing::kLocked);
  other_mode.mode = 0700;
  ASSERT_OK_AND_ASSIGN(const CacheMount again, store_->cache_mounts().acquire(other_mode));
  EXPECT_FALSE(again.created());
  EXPECT_TRUE(sys::exists_at(store_->root_fd(), again.path() + "/kept"));
  ASSERT_OK_AND_ASSIGN(const struct stat info, sys::stat_fd(again.fd()));
  EXPECT_EQ(info.st_mode & 07777, 0750U);
}

TEST_F(CacheMountsTest, SharedOnesAreUsedAtTheSameTime) {
  ASSERT_OK_AND_ASSIGN(const CacheMount one,
                       store_->cache_mounts().try_acquire(request(CacheMountSharing::kShared)));
  ASSERT_OK_AND_ASSIGN(const CacheMount two,
                       store_->cache_mounts().try_acquire(request(CacheMountSharing::kShared)));
  EXPECT_EQ(one.path(), two.path());
}

TEST_F(CacheMountsTest, ALockedOneIsUsedByOneStepAtATime) {
  {
    ASSERT_OK_AND_ASSIGN(const CacheMount one,
                         store_->cache_mounts().try_acquire(request(CacheMountSharing::kLocked)));
    for (const CacheMountSharing sharing : {CacheMountSharing::kLocked, CacheMountSharing::kShared}) {
      const Result<CacheMount> two = store_->cache_mounts().try_acquire(request(sharing));
      ASSERT_FALSE(two);
      EXPECT_EQ(two.error().kind(), ErrorKind::kBusy);
    }
  }
  EXPECT_TRUE(store_->cache_mounts().try_acquire(request(CacheMountSharing::kLocked)));
}

TEST_F(CacheMountsTest, APrivateOneInUseGivesAnotherCopyThatIsUsedAgain) {
  std::string copy;
  ASSERT_OK_AND_ASSIGN(const CacheMount one,
                       store_->cache_mounts().try_acquire(request(CacheMountSharing::kPrivate)));
  {
    ASSERT_OK_AND_ASSIGN(const CacheMount two,
                         store_->cache_mounts().try_acquire(request(CacheMountSharing::kPrivate)));
    EXPECT_NE(one.path(), two.path());
    copy = two.path();
  }
  ASSERT_OK_AND_ASSIGN(const CacheMount three,
                       store_->cache_mounts().try_acquire(request(CacheMountSharing::kPrivate)));
  EXPECT_EQ(three.path(), copy);
  EXPECT_FALSE(three.created());
}

TEST_F(CacheMountsTest, FillingThatFailsLeavesNoDirectory) {
  CacheMountRequest failing = request(CacheMountSharing::kShared);
  failing.populate = [](int fs_fd) -> Status {
    RETURN_IF_ERROR(sys::replace_file(fs_fd, "half", "x", 0644));
    return fail(ErrorKind::kSystem, "broken");
  };
  EXPECT_FALSE(store_->cache_mounts().acquire(failing));
  CacheMountRequest good = request(CacheMountSharing::kShared);
  good.populate = [](int fs_fd) { return sys::replace_file(fs_fd, "whole", "x", 0644); };
  ASSERT_OK_AND_ASSIGN(const CacheMount mount, store_->cache_mounts().acquire(good));
  EXPECT_TRUE(mount.created());
  EXPECT_FALSE(sys::exists_at(mount.fd(), "half"));
  EXPECT_TRUE(sys::exists_at(mount.fd(), "whole"));
}

}  // namespace
}  // namespace shale::store
