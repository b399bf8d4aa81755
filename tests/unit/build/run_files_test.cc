// SPDX-License-Identifier: Apache-2.0
#include "build/run_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>
#include <thread>

#include "store/store.h"
#include "sys/files.h"

namespace shale::build {
namespace {

TEST(HostsFile, NamesTheHostAsTheBuildArgumentDoes) {
  EXPECT_EQ(sandbox_hostname({}), "buildkitsandbox");
  EXPECT_EQ(sandbox_hostname({{"BUILDKIT_SANDBOX_HOSTNAME", ""}}), "buildkitsandbox");
  const std::string name = sandbox_hostname({{"A", "b"}, {"BUILDKIT_SANDBOX_HOSTNAME", "foo"}});
  EXPECT_EQ(name, "foo");
  EXPECT_TRUE(hosts_file(name, {}).starts_with("127.0.0.1\tlocalhost foo\n"));
}

class LogPath : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "shale-logs-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
    Result<store::Store> store = store::Store::open(directory_ + "/store");
    ASSERT_TRUE(store) << store.error().to_line();
    store_.emplace(std::move(*store));
    ASSERT_TRUE(sys::make_dir(store_->root_fd(), "logs", 0700));
  }
  void TearDown() override {
    store_.reset();
    (void)sys::remove_tree(AT_FDCWD, directory_);
  }
  // The directory of a build that began `age` seconds ago.
  void make_logs(const std::string& build, int age) const {
    const std::string path = "logs/" + build;
    ASSERT_EQ(::mkdirat(store_->root_fd(), path.c_str(), 0700), 0);
    const std::time_t time = std::time(nullptr) - age;
    const std::array<timespec, 2> times = {timespec{time, 0}, timespec{time, 0}};
    (void)::utimensat(store_->root_fd(), path.c_str(), times.data(), 0);
  }
  [[nodiscard]] bool exists(const std::string& build) const {
    return sys::exists_at(store_->root_fd(), "logs/" + build);
  }

  std::string directory_;
  std::optional<store::Store> store_;
};

TEST_F(LogPath, LogsOfTheLatestBuildsStay) {
  for (int i = 0; i < 40; ++i) make_logs(fmt::format("build{}", i), 1000 - i);
  const Result<std::string> path = make_log_path(*store_, "mine", 3);
  ASSERT_TRUE(path) << path.error().to_line();
  EXPECT_EQ(*path, store_->root() + "/logs/mine/3.log");
  EXPECT_TRUE(exists("mine"));
  EXPECT_FALSE(exists("build0"));
  EXPECT_FALSE(exists("build20"));
  EXPECT_TRUE(exists("build21"));
  EXPECT_TRUE(exists("build39"));
}

TEST_F(LogPath, OtherBuildsMayTidyUpAtTheSameTime) {
  constexpr int kBuilds = 300;
  for (int round = 0; round < 12; ++round) {
    for (int i = 0; i < kBuilds; ++i) make_logs(fmt::format("build{}", i), (i * 7919) % 5000);
    std::thread other([&] {
      for (int i = 0; i < kBuilds; ++i)
        (void)::unlinkat(store_->root_fd(), fmt::format("logs/build{}", i).c_str(), AT_REMOVEDIR);
    });
    EXPECT_TRUE(make_log_path(*store_, fmt::format("mine{}", round), 1));
    other.join();
  }
}

}  // namespace
}  // namespace shale::build
