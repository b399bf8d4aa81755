// SPDX-License-Identifier: Apache-2.0
#include "layer/tar_writer.h"

#include <cstdlib>

#include "layer/archive_format.h"
#include "testing.h"

namespace shale::layer {
namespace {

using namespace testing;

class TarWriter : public LayerTest {
 protected:
  // What GNU tar and Python say about a tar; both are independent readers.
  std::string run(const std::string& command) {
    const int status = std::system((command + " > " + path("out") + " 2> " + path("err")).c_str());
    return status == 0 ? read("out") : "FAILED: " + read("err");
  }
};

TEST(TarHeader, IsUstarWithPaxRecordsOnlyWhereNeeded) {
  EXPECT_EQ(tar_header(file("a")).size(), 512U);
  EXPECT_EQ(tar_header(file(std::string(100, 'n'))).size(), 512U);
  EXPECT_EQ(tar_header(file(std::string(101, 'n'))).size(), 1536U);
  EXPECT_TRUE(is_tar_header(tar_header(file("a"))));
  std::string damaged = tar_header(file("a"));
  damaged[0] = 'b';
  EXPECT_FALSE(is_tar_header(damaged));
}

TEST(TarHeader, SaysDeletionsAsOciDoes) {
  EXPECT_EQ(tar_header(whiteout("etc/passwd")).substr(0, 16), std::string("etc/.wh.passwd\0\0", 16));
  EXPECT_EQ(tar_opaque_marker("d").substr(0, 15), std::string("d/.wh..wh..opq\0", 15));
}

TEST(TarHeader, DropsFractionsOfSeconds) {
  Entry entry = file("a");
  entry.mtime_s = 1000;
  const std::string whole = tar_header(entry);
  entry.mtime_ns = 999;
  EXPECT_EQ(tar_header(entry), whole);
}

TEST_F(TarWriter, IsReadByPythonWithEverythingInIt) {
  TarBuilder builder;
  Entry big = file("ids", "");
  big.uid = 3'000'000;
  big.gid = 4'000'000'000;
  big.mtime_s = -1;
  big.xattrs = {{"user.k", std::string("v\0\n=", 4)}};
  const std::string long_name(150, 'd');
  builder.add(big).add(directory(long_name)).add(symlink(long_name + "/l", std::string(200, 't')));
  builder.add(device("dev", 8, 1)).add(fifo("f")).add(hard_link("h", "ids"));
  write("t.tar", builder.finish());
  EXPECT_EQ(run("python3 -c \"import tarfile\n"
                "for m in tarfile.open('" +
                path("t.tar") +
                "'): print(m.type.decode(), len(m.name), m.uid, m.gid, int(m.mtime), "
                "len(m.linkname), m.devmajor, m.devminor, m.uname + m.gname)\""),
            "0 3 3000000 4000000000 -1 0 0 0 \n5 150 0 0 0 0 0 0 \n2 152 0 0 0 200 0 0 \n3 3 0 0 0 0 8 1 \n"
            "6 1 0 0 0 0 0 0 \n1 1 0 0 0 3 0 0 \n");
}

TEST_F(TarWriter, SizesBeyondOctalAreSaidInPax) {
  Entry huge = file("huge");
  huge.size = std::uint64_t{9} << 30;
  const std::string header = tar_header(huge);
  EXPECT_NE(header.find("19 size=9663676416\n"), std::string::npos);
}

TEST_F(TarWriter, PutsWhiteoutsBeforeSiblings) {
  make_dir("fs/d");
  write("fs/d/a", "x");
  const LayerManifest manifest =
      must(LayerManifest::build({opaque("d"), file("d/a"), whiteout("d/z"), whiteout("gone")}));
  std::string tar;
  must(write_layer_tar(manifest, open_dir("fs").get(), [&](std::string_view bytes) -> Status {
    tar += bytes;
    return {};
  }));
  write("t.tar", tar);
  EXPECT_EQ(run("tar -tf " + path("t.tar")), ".wh.gone\nd/\nd/.wh..wh..opq\nd/.wh.z\nd/a\n");
}

TEST_F(TarWriter, RefusesAFileThatIsNotAsDescribed) {
  make_dir("fs");
  write("fs/a", "longer than said");
  const ByteSink nowhere = [](std::string_view) -> Status { return {}; };
  EXPECT_FALSE(write_layer_tar(*manifest_of({file("a", "short")}), open_dir("fs").get(), nowhere));
  ASSERT_EQ(::unlink(path("fs/a").c_str()), 0);
  ASSERT_EQ(::symlink("/etc/hostname", path("fs/a").c_str()), 0);
  EXPECT_FALSE(write_layer_tar(*manifest_of({file("a", "short")}), open_dir("fs").get(), nowhere))
      << "a link is not followed";
  ASSERT_EQ(::unlink(path("fs/a").c_str()), 0);
  ASSERT_EQ(::mkfifo(path("fs/a").c_str(), 0644), 0);
  EXPECT_FALSE(write_layer_tar(*manifest_of({file("a", "")}), open_dir("fs").get(), nowhere))
      << "a fifo is not waited for";
}

TEST_F(TarWriter, StreamMakesAPlainTar) {
  std::string tar;
  TarStream stream([&](std::string_view bytes) -> Status {
    tar += bytes;
    return {};
  });
  must(stream.add_directory("blobs"));
  must(stream.add_file("blobs/a", "hello"));
  must(stream.begin_file("blobs/b", 3));
  EXPECT_FALSE(stream.write("four"));
  must(stream.write("abc"));
  must(stream.end_file());
  must(stream.add_symlink("l", "blobs/a"));
  must(stream.finish());
  EXPECT_EQ(stream.bytes_written(), tar.size());
  write("t.tar", tar);
  EXPECT_EQ(run("tar -tf " + path("t.tar")), "blobs/\nblobs/a\nblobs/b\nl\n");
  EXPECT_EQ(run("tar -xOf " + path("t.tar") + " blobs/a blobs/b"), "helloabc");
}

}  // namespace
}  // namespace shale::layer
