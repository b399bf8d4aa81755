// SPDX-License-Identifier: Apache-2.0
#include "sys/files.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <cerrno>
#include <thread>

#include "sys/process.h"
#include "testing.h"

namespace shale::sys {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class FilesTest : public DirectoryTest {
 protected:
  // "root" is a directory that something hostile may have filled; "outside" lies beside it.
  void SetUp() override {
    DirectoryTest::SetUp();
    make("root/d");
    write("root/d/file", "inside");
    write("outside", "secret");
    Result<UniqueFd> opened = open_at(dir(), "root", O_RDONLY | O_DIRECTORY);
    ASSERT_TRUE(opened);
    root_ = std::move(*opened);
  }
  [[nodiscard]] int root() const { return root_.get(); }
  [[nodiscard]] std::string in_root(const std::string& name) const {
    return content(open_in_root(root(), name, O_RDONLY));
  }
  [[nodiscard]] int beneath_errno(const std::string& name) const {
    const Result<UniqueFd> fd = open_beneath(root(), name, O_RDONLY);
    return fd ? 0 : fd.error().errno_value();
  }

 private:
  UniqueFd root_;
};

TEST_F(FilesTest, EveryDescriptorIsCloseOnExec) {
  for (const auto& opened : {open_at(dir(), "outside", O_RDONLY), open_in_root(root(), "d/file", O_RDONLY),
                             open_beneath(root(), "d/file", O_RDONLY)}) {
    ASSERT_TRUE(opened);
    EXPECT_EQ(::fcntl(opened->get(), F_GETFD), FD_CLOEXEC);
  }
}

TEST_F(FilesTest, ErrorsNameThePathAndHideControlCharacters) {
  const Result<UniqueFd> missing = open_at(dir(), "no\033[2Jsuch", O_RDONLY);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().errno_value(), ENOENT);
  EXPECT_EQ(missing.error().message(), "open 'no\\x1b[2Jsuch'");
}

TEST_F(FilesTest, APathWithANulByteIsRefusedNotCutShort) {
  using std::string_view_literals::operator""sv;
  EXPECT_EQ(open_at(dir(), "outside\0x"sv, O_RDONLY).error().errno_value(), EINVAL);
  EXPECT_EQ(open_in_root(root(), "d/file\0x"sv, O_RDONLY).error().errno_value(), EINVAL);
  EXPECT_EQ(open_beneath(root(), "d/file\0x"sv, O_RDONLY).error().errno_value(), EINVAL);
  EXPECT_EQ(stat_at(dir(), "outside\0x"sv).error().errno_value(), EINVAL);
  EXPECT_EQ(make_dir(dir(), "made\0x"sv, 0755).error().errno_value(), EINVAL);
  EXPECT_FALSE(exists_at(dir(), "made"));
  EXPECT_EQ(remove_tree(dir(), "outside\0x"sv).error().errno_value(), EINVAL);
  EXPECT_TRUE(exists_at(dir(), "outside"));
}

TEST_F(FilesTest, InRootNothingLeadsOut) {
  link("/outside", "root/absolute");
  link("../outside", "root/climbing");
  link("../../../../../../outside", "root/d/far");
  link(path() + "/outside", "root/named");
  link("/d", "root/directory");
  link("loop", "root/loop");
  // Each names something inside of the root, where it is not; a file of that name there is found.
  for (const char* name : {"absolute", "climbing", "d/far", "../outside", "/../outside", "d/../../outside"})
    EXPECT_THAT(in_root(name), HasSubstr("No such file")) << name;
  EXPECT_THAT(in_root("named"), HasSubstr("No such file"));
  write("root/outside", "the root's own");
  for (const char* name : {"absolute", "climbing", "d/far", "../outside", "/../outside", "d/../../outside"})
    EXPECT_EQ(in_root(name), "the root's own") << name;
  EXPECT_EQ(in_root("directory/file"), "inside");
  EXPECT_EQ(in_root("/d/file"), "inside");
  EXPECT_THAT(in_root("loop"), HasSubstr("Too many levels"));
}

TEST_F(FilesTest, InRootRefusesMagicLinks) {
  // A directory of /proc stands in for one that was bound into an image.
  const Result<UniqueFd> proc = open_at(AT_FDCWD, "/proc/self", O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(proc);
  EXPECT_EQ(open_in_root(proc->get(), "root/etc", O_PATH).error().errno_value(), ELOOP);
  EXPECT_EQ(open_in_root(proc->get(), "cwd", O_PATH).error().errno_value(), ELOOP);
  EXPECT_EQ(open_in_root(proc->get(), "fd/0", O_PATH).error().errno_value(), ELOOP);
}

TEST_F(FilesTest, BeneathFollowsNoLinkAtAll) {
  link("file", "root/d/link");
  link("d", "root/directory");
  EXPECT_EQ(beneath_errno("d/file"), 0);
  EXPECT_EQ(beneath_errno("d/link"), ELOOP);
  EXPECT_EQ(beneath_errno("directory/file"), ELOOP);
  EXPECT_EQ(beneath_errno("../outside"), EXDEV);
  EXPECT_EQ(beneath_errno("d/../../outside"), EXDEV);
  EXPECT_EQ(beneath_errno("/d/file"), EXDEV);
}

TEST_F(FilesTest, TheEmptyPathIsTheRootItself) {
  EXPECT_EQ(beneath_errno(""), 0);
  const Result<UniqueFd> opened = open_in_root(root(), "", O_PATH);
  ASSERT_TRUE(opened);
  EXPECT_EQ(stat_fd(opened->get())->st_ino, stat_fd(root())->st_ino);
}

TEST_F(FilesTest, FilesAreCreatedInsideOnly) {
  link("../escaped", "root/out");
  const Result<UniqueFd> made = open_in_root(root(), "out", O_WRONLY | O_CREAT, 0644);
  ASSERT_TRUE(made) << made.error().to_line();
  EXPECT_TRUE(exists_at(root(), "escaped"));
  EXPECT_FALSE(exists_at(dir(), "escaped"));
}

TEST_F(FilesTest, ReadFileStopsAtItsLimit) {
  write("ten", "0123456789");
  EXPECT_EQ(read_file(dir(), "ten", 10).value(), "0123456789");
  const Result<std::string> cut = read_file(dir(), "ten", 9);
  ASSERT_FALSE(cut);
  EXPECT_THAT(cut.error().message(), HasSubstr("larger than the limit of 9 bytes"));
}

TEST_F(FilesTest, ReadFileWaitsForNobody) {
  ASSERT_EQ(::mkfifoat(dir(), "fifo", 0600), 0);
  EXPECT_EQ(read_file(dir(), "fifo").value_or("?"), "") << "a fifo without a writer is empty";
  EXPECT_EQ(read_file(dir(), "root").error().errno_value(), EISDIR);
}

TEST_F(FilesTest, WriteAllWaitsForAReaderAlsoWhereThePipeDoesNot) {
  FdPair pipe = make_pipe().value();
  ASSERT_EQ(::fcntl(pipe.second.get(), F_SETFL, O_NONBLOCK), 0);
  const std::string much(std::size_t{1} << 20, 'x');  // more than any pipe holds
  std::thread reader([&, much_bytes = much.size()] {
    std::string buffer(much_bytes, ' ');
    for (std::size_t got = 0; got < much_bytes;) {
      const ssize_t some = ::read(pipe.first.get(), buffer.data(), buffer.size());
      if (some <= 0) return;
      got += static_cast<std::size_t>(some);
    }
  });
  const Status written = write_all(pipe.second.get(), much);
  pipe.second.reset();
  reader.join();
  EXPECT_TRUE(written) << written.error().to_line();
}

TEST_F(FilesTest, ReplaceFileLeavesTheOldOrTheNewAndNothingElse) {
  write("f", "old");
  const Result<UniqueFd> reader = open_at(dir(), "f", O_RDONLY);
  ASSERT_OK(replace_file(dir(), "f", "new", 0600, true));
  EXPECT_EQ(content("f"), "new");
  EXPECT_EQ(content(reader), "old") << "who had it open still reads the old one";
  EXPECT_EQ(stat_at(dir(), "f")->st_mode & 07777, 0600U);
  // A link is replaced, not written through.
  link("outside", "l");
  ASSERT_OK(replace_file(dir(), "l", "mine", 0600));
  EXPECT_EQ(content("outside"), "secret");
  EXPECT_TRUE(S_ISREG(stat_at(dir(), "l")->st_mode));
  // A directory in the way: an error, and no temporary file is left.
  EXPECT_FALSE(replace_file(dir(), "root", "x", 0600));
  EXPECT_THAT(list_dir(dir()).value(), ElementsAre("f", "l", "outside", "root"));
}

TEST_F(FilesTest, StatFollowsOnlyWhenAsked) {
  link("outside", "l");
  EXPECT_TRUE(S_ISLNK(stat_at(dir(), "l")->st_mode));
  EXPECT_TRUE(S_ISREG(stat_at(dir(), "l", true)->st_mode));
  link("nowhere", "dangling");
  EXPECT_TRUE(exists_at(dir(), "dangling")) << "the link is there, whatever it names";
  EXPECT_EQ(read_link(dir(), "dangling").value(), "nowhere");
  EXPECT_EQ(read_link(dir(), "outside").error().errno_value(), EINVAL);
}

TEST_F(FilesTest, MakeDirAcceptsDirectoriesOnly) {
  EXPECT_TRUE(make_dir(dir(), "root", 0700)) << "one that exists is fine";
  EXPECT_EQ(make_dir(dir(), "outside", 0700).error().errno_value(), EEXIST);
  EXPECT_EQ(make_dir(dir(), "a/b/c", 0700).error().errno_value(), ENOENT);
  ASSERT_OK(make_dir(dir(), "a/b/c", 0700, true));
  EXPECT_EQ(stat_at(dir(), "a/b/c")->st_mode & 07777, 0700U);
  EXPECT_EQ(make_dir(dir(), "outside/x", 0700, true).error().errno_value(), ENOTDIR);
}

TEST_F(FilesTest, ListDirSortsByBytes) {
  for (const char* name : {"b", "a", "B", ".x", "é"}) make(std::string("list/") + name);
  const Result<UniqueFd> list = open_at(dir(), "list", O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(list);
  EXPECT_THAT(list_dir(list->get()).value(), ElementsAre(".x", "B", "a", "b", "é"));
  EXPECT_EQ(list_dir(list->get())->size(), 5U) << "a second reading starts anew";
}

TEST_F(FilesTest, RemoveTreeFollowsNoLink) {
  make("tree/kept");
  write("tree/kept/f", "x");
  link("../outside", "tree/l");
  link("../root", "tree/directory");
  link("tree", "entry");
  ASSERT_OK(remove_tree(dir(), "entry"));  // the link, not what it names
  EXPECT_TRUE(exists_at(dir(), "tree/kept/f"));
  ASSERT_OK(remove_tree(dir(), "tree"));
  EXPECT_FALSE(exists_at(dir(), "tree"));
  EXPECT_EQ(content("outside"), "secret");
  EXPECT_EQ(content("root/d/file"), "inside");
  EXPECT_TRUE(remove_tree(dir(), "tree")) << "missing is fine";
}

TEST_F(FilesTest, RemoveTreeOpensWhatIsClosed) {
  make("tree/closed/deeper");
  write("tree/closed/deeper/f", "x");
  ASSERT_EQ(::fchmodat(dir(), "tree/closed/deeper", 0000, 0), 0);
  ASSERT_EQ(::fchmodat(dir(), "tree/closed", 0500, 0), 0);
  ASSERT_OK(remove_tree(dir(), "tree"));
  EXPECT_FALSE(exists_at(dir(), "tree"));
}

TEST_F(FilesTest, RemoveTreeHasNoDepthLimit) {
  // Deeper than PATH_MAX, and than there are descriptors.
  constexpr int kDepth = 100;
  const std::string name(60, 'd');
  ASSERT_OK(make_dir(dir(), "deep", 0700));
  Result<UniqueFd> at = open_at(dir(), "deep", O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < kDepth; ++i) {
    ASSERT_TRUE(at);
    ASSERT_OK(make_dir(at->get(), name, 0700));
    at = open_at(at->get(), name, O_RDONLY | O_DIRECTORY);
  }
  struct rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const struct rlimit few{.rlim_cur = kDepth / 2, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const Status removed = remove_tree(dir(), "deep");
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_OK(removed);
  EXPECT_FALSE(exists_at(dir(), "deep"));
}

TEST_F(FilesTest, CopyDataTakesAllOfIt) {
  std::string bytes;
  for (int i = 0; i < 3'000'000; ++i) bytes += static_cast<char>(i * 7 >> 3);
  write("from", bytes);
  const Result<UniqueFd> from = open_at(dir(), "from", O_RDONLY);
  const Result<UniqueFd> to = open_at(dir(), "to", O_RDWR | O_CREAT, 0600);
  ASSERT_TRUE(from && to);
  EXPECT_EQ(copy_data(from->get(), to->get()).value(), bytes.size());
  EXPECT_EQ(content("to"), bytes);
}

TEST_F(FilesTest, CopyDataBeginsAtTheOffset) {
  write("from", "0123456789");
  const Result<UniqueFd> from = open_at(dir(), "from", O_RDONLY);
  const Result<UniqueFd> to = open_at(dir(), "to", O_RDWR | O_CREAT, 0600);
  ASSERT_TRUE(from && to);
  ASSERT_EQ(::lseek(from->get(), 4, SEEK_SET), 4);
  EXPECT_EQ(copy_data(from->get(), to->get()).value(), 6U);
  EXPECT_EQ(content("to"), "456789");
}

TEST_F(FilesTest, CopyDataReadsWhatHasNoSize) {
  const Result<UniqueFd> from = open_at(AT_FDCWD, "/proc/self/status", O_RDONLY);
  const Result<UniqueFd> to = open_at(dir(), "to", O_RDWR | O_CREAT, 0600);
  ASSERT_TRUE(from && to);
  EXPECT_GT(copy_data(from->get(), to->get()).value(), 100U);
  EXPECT_THAT(content("to"), HasSubstr("Name:"));
}

TEST_F(FilesTest, CopyDataReportsWhatCannotBeWritten) {
  write("from", "x");
  const Result<UniqueFd> from = open_at(dir(), "from", O_RDONLY);
  const Result<UniqueFd> full = open_at(AT_FDCWD, "/dev/full", O_WRONLY);
  ASSERT_TRUE(from && full);
  EXPECT_EQ(copy_data(from->get(), full->get()).error().errno_value(), ENOSPC);
}

class XattrTest : public FilesTest {
 protected:
  void SetUp() override {
    FilesTest::SetUp();
    const Status set = set_xattr_at(dir(), "outside", "user.test", "1");
    if (!set && set.error().errno_value() == EOPNOTSUPP)
      GTEST_SKIP() << "the file system of $TMPDIR has no user attributes";
    ASSERT_OK(set);
  }
};

TEST_F(XattrTest, ComeBackSortedWithAnyBytes) {
  const std::string binary("\0\xff\n", 3);
  ASSERT_OK(set_xattr_at(dir(), "outside", "user.b", binary));
  ASSERT_OK(set_xattr_at(dir(), "outside", "user.a", ""));
  ASSERT_OK(set_xattr_at(dir(), "outside", "user.long", std::string(3000, 'x')));
  EXPECT_THAT(list_xattrs_at(dir(), "outside").value(),
              ElementsAre(Xattr{"user.a", ""}, Xattr{"user.b", binary},
                          Xattr{"user.long", std::string(3000, 'x')}, Xattr{"user.test", "1"}));
}

TEST_F(XattrTest, OfADescriptorThatIsOnlyAName) {
  const Result<UniqueFd> fd = open_at(dir(), "outside", O_PATH);
  ASSERT_TRUE(fd);
  ASSERT_OK(set_xattr(fd->get(), "user.more", "2"));
  EXPECT_THAT(list_xattrs(fd->get()).value(), ElementsAre(Xattr{"user.more", "2"}, Xattr{"user.test", "1"}));
}

TEST_F(XattrTest, OfALinkAreNotThoseOfItsTarget) {
  link("outside", "l");
  EXPECT_THAT(list_xattrs_at(dir(), "l").value(), IsEmpty());
  EXPECT_FALSE(set_xattr_at(dir(), "l", "user.x", "1")) << "the kernel keeps user attributes off links";
  EXPECT_THAT(list_xattrs_at(dir(), "outside").value(), ElementsAre(Xattr{"user.test", "1"}));
}

TEST(TempDir, IsPrivateAndGoesWithItsObject) {
  std::string path;
  {
    Result<TempDir> made = TempDir::create("shale-temp-test-");
    ASSERT_TRUE(made);
    TempDir moved = std::move(*made);
    path = moved.path();
    EXPECT_EQ(stat_at(AT_FDCWD, path)->st_mode & 07777, 0700U);
    ASSERT_OK(make_dir(AT_FDCWD, path + "/a/b", 0700, true));
  }
  EXPECT_THAT(path, Not(IsEmpty()));
  EXPECT_FALSE(exists_at(AT_FDCWD, path));
}

}  // namespace
}  // namespace shale::sys
