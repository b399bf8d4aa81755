// SPDX-License-Identifier: Apache-2.0
#include "sys/overlay.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "support/namespace.h"
#include "sys/files.h"
#include "testing.h"

namespace shale::sys {
namespace {

using ::testing::HasSubstr;
using Method = OverlaySpec::Method;

class OverlayTest : public DirectoryTest {
 protected:
  void SetUp() override {
    DirectoryTest::SetUp();
    for (const char* name : {"lower", "upper", "top", "work"}) make(name);
    write("lower/a", "lower");
    write("lower/b", "lower");
    make("lower/d/e");
    write("top/a", "top");
  }
  [[nodiscard]] static OverlaySpec spec(int dir, Method method = Method::kAuto) {
    OverlaySpec out;
    out.dir = dir;
    out.lowers = {"top", "lower"};
    out.mount_point = "mount";
    out.method = method;
    return out;
  }
  // `body` gets the test's directory, opened anew: a mount can be cloned only in its own mount namespace.
  void in_namespace(const std::function<int(int dir)>& body) const {
    const int status = test::run_in_namespace([&] {
      const Result<UniqueFd> directory = open_at(AT_FDCWD, path(), O_RDONLY | O_DIRECTORY);
      CHECK_OK_IN_CHILD(directory);
      return body(directory->get());
    });
    if (status == test::kCannot) GTEST_SKIP() << "no user namespaces, or no overlay in them, here";
    EXPECT_EQ(status, 0);
  }
};

TEST_F(OverlayTest, ShowsTheTopmostAndKeepsWritesInTheUpper) {
  in_namespace([this](int inside) {
    OverlaySpec wanted = spec(inside);
    wanted.upper = "upper";
    wanted.work = "work";
    const Result<UniqueFd> mount = mount_overlay(wanted);
    CHECK_OK_IN_CHILD(mount);
    CHECK_IN_CHILD(read_file(mount->get(), "a") == "top");
    CHECK_IN_CHILD(read_file(mount->get(), "b") == "lower");
    CHECK_OK_IN_CHILD(replace_file(mount->get(), "b", "new", 0644));
    // What fails without userxattr in an unprivileged mount: a directory removed and made again.
    CHECK_OK_IN_CHILD(remove_tree(mount->get(), "d"));
    CHECK_OK_IN_CHILD(make_dir(mount->get(), "d", 0755));
    CHECK_IN_CHILD(!exists_at(mount->get(), "d/e"));
    CHECK_IN_CHILD(content("lower/b") == "lower");
    CHECK_IN_CHILD(content("upper/b") == "new");
    CHECK_IN_CHILD(exists_at(dir(), "lower/d/e"));
    return 0;
  });
}

TEST_F(OverlayTest, EveryWayToHandOverLayersShowsTheSame) {
  for (const Method method : {Method::kDescriptors, Method::kPaths, Method::kMount}) {
    in_namespace([&](int inside) {
      const Result<UniqueFd> mount = mount_overlay(spec(inside, method));
      // Kernels before 6.13 and 6.8 do not know the first two.
      if (!mount && mount.error().errno_value() == EINVAL && method != Method::kMount) return 0;
      CHECK_OK_IN_CHILD(mount);
      CHECK_IN_CHILD(read_file(mount->get(), "a") == "top");
      CHECK_IN_CHILD(exists_at(mount->get(), "d/e"));
      const Result<UniqueFd> written = open_at(mount->get(), "new", O_WRONLY | O_CREAT, 0644);
      CHECK_IN_CHILD(!written && written.error().errno_value() == EROFS);
      return 0;
    });
    if (IsSkipped()) return;
  }
}

TEST_F(OverlayTest, NobodySeesADetachedMount) {
  for (const Method method : {Method::kAuto, Method::kMount}) {
    in_namespace([&](int inside) {
      const std::string before = read_file(AT_FDCWD, "/proc/self/mountinfo").value_or("");
      const Result<UniqueFd> mount = mount_overlay(spec(inside, method));
      CHECK_OK_IN_CHILD(mount);
      CHECK_IN_CHILD(!before.empty() && read_file(AT_FDCWD, "/proc/self/mountinfo") == before);
      return 0;
    });
    if (IsSkipped()) return;
  }
}

TEST_F(OverlayTest, NamesWithSeparatorsAreNames) {
  make("odd:name,with=all\\of them");
  write("odd:name,with=all\\of them/x", "odd");
  for (const Method method : {Method::kAuto, Method::kMount}) {
    in_namespace([&](int inside) {
      OverlaySpec wanted = spec(inside, method);
      wanted.lowers.insert(wanted.lowers.begin(), "odd:name,with=all\\of them");
      const Result<UniqueFd> mount = mount_overlay(wanted);
      CHECK_OK_IN_CHILD(mount);
      CHECK_IN_CHILD(read_file(mount->get(), "x") == "odd");
      return 0;
    });
    if (IsSkipped()) return;
  }
}

TEST_F(OverlayTest, ALinkIsNoLayer) {
  link("lower", "linked");
  OverlaySpec wanted = spec(dir());
  wanted.lowers = {"linked", "lower"};
  // Found out before anything is mounted, hence without a namespace.
  EXPECT_EQ(mount_overlay(wanted).error().errno_value(), ENOTDIR);
}

TEST_F(OverlayTest, TooManyLayersAreNamed) {
  OverlaySpec wanted = spec(dir());
  wanted.lowers.assign(501, "lower");
  EXPECT_THAT(mount_overlay(wanted).error().message(), HasSubstr("1 to 500 lower directories, not 501"));
  wanted.lowers.clear();
  EXPECT_THAT(mount_overlay(wanted).error().message(), HasSubstr("not 0"));
}

TEST_F(OverlayTest, ACloneCanBeReadOnly) {
  in_namespace([](int inside) {
    const Result<UniqueFd> open = clone_mount(inside, "lower", false);
    CHECK_OK_IN_CHILD(open);
    CHECK_OK_IN_CHILD(replace_file(open->get(), "c", "written", 0644));
    const Result<UniqueFd> closed = clone_mount(inside, "lower", true);
    CHECK_OK_IN_CHILD(closed);
    CHECK_IN_CHILD(read_file(closed->get(), "c") == "written");
    const Result<UniqueFd> written = open_at(closed->get(), "d/x", O_WRONLY | O_CREAT, 0644);
    CHECK_IN_CHILD(!written && written.error().errno_value() == EROFS);
    return 0;
  });
}

// The second is what Linux before 6.15 needs.
TEST_F(OverlayTest, APartOfADetachedMountIsAMountOfItsOwn) {
  in_namespace([](int inside) {
    for (const auto clone : {&clone_part, &clone_attached_part}) {
      Result<UniqueFd> part = fail(ErrorKind::kSystem, "not made");
      {
        const Result<UniqueFd> mount = mount_overlay(spec(inside));
        CHECK_OK_IN_CHILD(mount);
        const Result<UniqueFd> found = open_in_root(mount->get(), "d", O_PATH);
        CHECK_OK_IN_CHILD(found);
        part = clone(mount->get(), found->get(), inside, "place");
      }
      CHECK_OK_IN_CHILD(part);
      CHECK_IN_CHILD(exists_at(part->get(), "e"));
      CHECK_OK_IN_CHILD(remove_tree(inside, "place"));  // EBUSY while something is mounted there
      CHECK_OK_IN_CHILD(make_dir(inside, "place", 0700));
      CHECK_IN_CHILD(::syscall(SYS_move_mount, part->get(), "", inside, "place", MOVE_MOUNT_F_EMPTY_PATH) ==
                     0);
      CHECK_IN_CHILD(exists_at(inside, "place/e"));
      CHECK_IN_CHILD(::umount2(fmt::format("/proc/self/fd/{}/place", inside).c_str(), MNT_DETACH) == 0);
      CHECK_OK_IN_CHILD(remove_tree(inside, "place"));
    }
    return 0;
  });
}

}  // namespace
}  // namespace shale::sys
