// SPDX-License-Identifier: Apache-2.0
#include "export/output_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/files.h"
#include "sys/umask.h"
#include "tests/unit/store/testing.h"

namespace shale::exporter {
namespace {

class OutputFileTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(sys::TempDir made, sys::TempDir::create("shale-output-test-"));
    directory_ = std::make_unique<sys::TempDir>(std::move(made));
  }
  [[nodiscard]] std::string path(const std::string& name) const { return directory_->path() + "/" + name; }
  [[nodiscard]] std::string content(const std::string& name) const {
    return sys::read_file(AT_FDCWD, path(name)).value_or("(none)");
  }
  [[nodiscard]] std::vector<std::string> names() const {
    const Result<UniqueFd> fd = sys::open_at(AT_FDCWD, directory_->path(), O_RDONLY | O_DIRECTORY);
    return sys::list_dir(fd.value().get()).value();
  }
  std::unique_ptr<sys::TempDir> directory_;
};

TEST_F(OutputFileTest, AppearsOnlyWhenItIsComplete) {
  ASSERT_OK_AND_ASSIGN(OutputFile file, OutputFile::create(path("a")));
  ASSERT_OK(file.write("one "));
  ASSERT_OK(file.write(std::string(1'000'000, 'x')));
  EXPECT_FALSE(sys::exists_at(AT_FDCWD, path("a")));
  ASSERT_OK(file.commit());
  EXPECT_EQ(content("a"), "one " + std::string(1'000'000, 'x'));
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
}

TEST_F(OutputFileTest, LeavesTheOldFileWhenItIsGivenUp) {
  ASSERT_OK(sys::replace_file(AT_FDCWD, path("a"), "old", 0644));
  {
    ASSERT_OK_AND_ASSIGN(OutputFile file, OutputFile::create(path("a")));
    ASSERT_OK(file.write("new"));
  }
  EXPECT_EQ(content("a"), "old");
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
}

TEST_F(OutputFileTest, ReplacesTheFileThatALinkLeadsTo) {
  ASSERT_OK(sys::replace_file(AT_FDCWD, path("real"), "old", 0644));
  ASSERT_EQ(::symlink("real", path("link").c_str()), 0);
  ASSERT_OK_AND_ASSIGN(OutputFile file, OutputFile::create(path("link")));
  ASSERT_OK(file.write("new"));
  ASSERT_OK(file.commit());
  EXPECT_EQ(content("real"), "new");
  EXPECT_EQ(sys::read_link(AT_FDCWD, path("link")).value(), "real");
}

TEST_F(OutputFileTest, ANewFileObeysTheUmaskAndAnOldOneKeepsItsMode) {
  const auto mode_of = [&](const std::string& name) {
    return sys::stat_at(AT_FDCWD, path(name)).value().st_mode & 0777U;
  };
  const mode_t user = sys::user_umask();
  const mode_t before = ::umask(0);  // as a process of ours may have another one
  {
    ASSERT_OK_AND_ASSIGN(OutputFile file, OutputFile::create(path("new")));
    ASSERT_OK(file.commit());
  }
  ::umask(before);
  EXPECT_EQ(mode_of("new"), 0666U & ~user);
  ASSERT_OK(sys::replace_file(AT_FDCWD, path("old"), "old", 0600));
  ASSERT_OK_AND_ASSIGN(OutputFile file, OutputFile::create(path("old")));
  ASSERT_OK(file.write("new"));
  ASSERT_OK(file.commit());
  EXPECT_EQ(content("old"), "new");
  EXPECT_EQ(mode_of("old"), 0600U);
}

TEST_F(OutputFileTest, RefusesADirectoryAndAMissingParent) {
  EXPECT_EQ(OutputFile::create(directory_->path()).error().kind(), ErrorKind::kUsage);
  EXPECT_EQ(OutputFile::create(path("no/file")).error().errno_value(), ENOENT);
}

TEST_F(OutputFileTest, ReportsAFullDisk) {
  ASSERT_OK_AND_ASSIGN(OutputFile file, OutputFile::create("/dev/full"));
  ASSERT_OK(file.write("x"));
  const Status committed = file.commit();
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().kind(), ErrorKind::kNoSpace);
}

}  // namespace
}  // namespace shale::exporter
