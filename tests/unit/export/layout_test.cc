// SPDX-License-Identifier: Apache-2.0
// Layouts and archives, written and read back.
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "export/docker_archive.h"
#include "export/found_image.h"
#include "export/oci_layout.h"
#include "tests/unit/export/fixture.h"

namespace shale::exporter {
namespace {

const LayoutOptions kPlain{.compression = {.compression = layer::Compression::kNone}};

class LayoutTest : public ExportTest {
 protected:
  void SetUp() override {
    ExportTest::SetUp();
    ASSERT_OK_AND_ASSIGN(record_, layer([](int fs) { file(fs, "f", "content"); }));
    ASSERT_OK(add_tar_blob(record_));
    bundle_ = bundle({record_}, "example.org/a/b:c");
  }
  // Reads the directory `name` as another store would.
  Result<std::vector<FoundImage>> read_back(const std::string& name) {
    ASSIGN_OR_RETURN(store::Store other, store::Store::open(path("other")));
    ASSIGN_OR_RETURN(store::BuildLease lease, store::BuildLease::create(other));
    ASSIGN_OR_RETURN(UniqueFd root, sys::open_at(AT_FDCWD, path(name), O_RDONLY | O_DIRECTORY));
    FoundFiles files(other, lease, std::move(root), false);
    if (files.has("index.json")) return read_oci_layout(files, image::Platform::host(), progress_);
    return read_docker_archive(files, progress_);
  }
  [[nodiscard]] std::string blob(const std::string& layout, const Digest& digest) const {
    return path(layout) + "/blobs/sha256/" + digest.hex();
  }
  store::LayerRecord record_;
  ImageBundle bundle_;
};

TEST_F(LayoutTest, DirectoryIsReadBackAsTheSameImage) {
  ASSERT_OK_AND_ASSIGN(const auto written,
                       write_oci_directory(*store_, *lease_, {bundle_}, path("oci"), kPlain, progress_));
  ASSERT_OK_AND_ASSIGN(const std::vector<FoundImage> found, read_back("oci"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id, bundle_.id);
  EXPECT_EQ(found[0].config_json, bundle_.config_json);
  EXPECT_EQ(found[0].diff_ids, bundle_.diff_ids);
  EXPECT_EQ(found[0].names, bundle_.names);
  ASSERT_TRUE(found[0].manifest);
  EXPECT_EQ(found[0].manifest->digest, written.at(0).digest);
}

TEST_F(LayoutTest, DirectoryGetsFurtherImagesAndReplacesEqualNames) {
  ASSERT_OK(write_oci_directory(*store_, *lease_, {bundle_}, path("oci"), kPlain, progress_));
  ASSERT_OK(write_oci_directory(*store_, *lease_, {bundle_}, path("oci"), kPlain, progress_));
  ASSERT_OK_AND_ASSIGN(std::vector<FoundImage> found, read_back("oci"));
  EXPECT_EQ(found.size(), 1U);
  ImageBundle second = bundle({record_, record_}, "other:1");
  ASSERT_OK(write_oci_directory(*store_, *lease_, {second}, path("oci"), kPlain, progress_));
  ASSERT_OK_AND_ASSIGN(found, read_back("oci"));
  EXPECT_EQ(found.size(), 2U);
}

TEST_F(LayoutTest, DirectoryIsWrittenByOneProcessAtATime) {
  ASSERT_OK(write_oci_directory(*store_, *lease_, {bundle_}, path("oci"), kPlain, progress_));
  ASSERT_OK_AND_ASSIGN(UniqueFd other, sys::open_at(AT_FDCWD, path("oci"), O_RDONLY | O_DIRECTORY));
  ASSERT_EQ(::flock(other.get(), LOCK_EX), 0);
  const ImageBundle second = bundle({record_, record_}, "other:1");
  std::atomic<bool> done = false;
  std::thread writer([&] {
    EXPECT_TRUE(write_oci_directory(*store_, *lease_, {second}, path("oci"), kPlain, progress_));
    done = true;
  });
  ::usleep(200'000);
  EXPECT_FALSE(done);
  // Meanwhile the other one names a third image, which must not be lost.
  const std::string index = path("oci") + "/index.json";
  ASSERT_OK_AND_ASSIGN(std::string text, sys::read_file(AT_FDCWD, index));
  const std::size_t name = text.find("example.org/a/b:c");
  ASSERT_NE(name, std::string::npos);
  text.replace(name, 11, "example.com");
  ASSERT_OK(sys::replace_file(AT_FDCWD, index, text, 0644));
  other.reset();
  writer.join();
  ASSERT_OK_AND_ASSIGN(text, sys::read_file(AT_FDCWD, index));
  EXPECT_NE(text.find("example.com/a/b:c"), std::string::npos);
  EXPECT_NE(text.find("docker.io/library/other:1"), std::string::npos);
}

TEST_F(LayoutTest, DirectoryWithSomethingElseIsRefusedUntouched) {
  ASSERT_OK(sys::make_dir(AT_FDCWD, path("mine"), 0755));
  file(AT_FDCWD, path("mine/file"), "x");
  const auto written = write_oci_directory(*store_, *lease_, {bundle_}, path("mine"), kPlain, progress_);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind(), ErrorKind::kUsage);
  EXPECT_FALSE(sys::exists_at(AT_FDCWD, path("mine/blobs")));
}

TEST_F(LayoutTest, NothingRemainsOfAFailedExport) {
  ImageBundle broken = bundle_;
  broken.diff_ids.push_back(Digest::of("nobody has it"));
  broken.layer_ids.emplace_back();
  EXPECT_FALSE(write_oci_directory(*store_, *lease_, {broken}, path("oci"), kPlain, progress_));
  EXPECT_FALSE(write_oci_archive(*store_, *lease_, {broken}, path("oci.tar"), kPlain, progress_));
  EXPECT_FALSE(write_docker_archive(*store_, *lease_, {broken}, path("docker.tar"), progress_));
  ASSERT_OK_AND_ASSIGN(const UniqueFd directory,
                       sys::open_at(AT_FDCWD, temporary_->path(), O_RDONLY | O_DIRECTORY));
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> names, sys::list_dir(directory.get()));
  EXPECT_EQ(names, std::vector<std::string>{"store"});
}

TEST_F(LayoutTest, ALayerWhoseDirectoryWasChangedIsNotExported) {
  ASSERT_OK_AND_ASSIGN(const store::LayerRecord other, layer([](int fs) { file(fs, "g", "right"); }));
  ASSERT_OK(sys::replace_file(store_->root_fd(), store::Layers::fs_path(other.id) + "/g", "wrong", 0644));
  const Status written =
      write_docker_archive(*store_, *lease_, {bundle({other}, "x:1")}, path("docker.tar"), progress_);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind(), ErrorKind::kCorrupt);
  EXPECT_FALSE(sys::exists_at(AT_FDCWD, path("docker.tar")));
}

TEST_F(LayoutTest, ChangedBlobsAreFoundAtEveryLevel) {
  for (const bool config : {true, false}) {
    const std::string name = config ? "config" : "layer";
    ASSERT_OK(write_oci_directory(*store_, *lease_, {bundle_}, path(name), kPlain, progress_));
    const std::string victim = blob(name, config ? bundle_.id : record_.diff_id);
    ASSERT_OK_AND_ASSIGN(std::string bytes, sys::read_file(AT_FDCWD, victim));
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    file(AT_FDCWD, victim, bytes);
    const auto found = read_back(name);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind(), ErrorKind::kCorrupt);
  }
}

TEST_F(LayoutTest, LinksAndPipesOfALayoutLeadNowhere) {
  ASSERT_OK(write_oci_directory(*store_, *lease_, {bundle_}, path("oci"), kPlain, progress_));
  const std::string victim = blob("oci", record_.diff_id);
  ASSERT_EQ(::rename(victim.c_str(), path("outside").c_str()), 0);
  ASSERT_EQ(::symlink(path("outside").c_str(), victim.c_str()), 0);
  EXPECT_FALSE(read_back("oci"));
  ASSERT_EQ(::unlink(victim.c_str()), 0);
  ASSERT_EQ(::mkfifo(victim.c_str(), 0644), 0);
  EXPECT_FALSE(read_back("oci"));
  ASSERT_EQ(::unlink((path("oci") + "/index.json").c_str()), 0);
  ASSERT_EQ(::mkfifo((path("oci") + "/index.json").c_str(), 0644), 0);
  const auto found = read_back("oci");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind(), ErrorKind::kCorrupt);
}

class DockerArchiveTest : public LayoutTest {
 protected:
  // The form docker wrote before version 25, as it lies unpacked on disk.
  void write_old_form(const std::string& layer_path) {
    ASSERT_OK(sys::make_dir(AT_FDCWD, path("docker/abc"), 0755, true));
    file(AT_FDCWD, path("docker/") + bundle_.id.hex() + ".json", bundle_.config_json);
    ASSERT_OK_AND_ASSIGN(const std::string tar,
                         sys::read_file(AT_FDCWD, store_->blobs().path(record_.diff_id)));
    file(AT_FDCWD, path("docker/abc/layer.tar"), tar);
    file(AT_FDCWD, path("docker/manifest.json"),
         R"([{"Config":")" + bundle_.id.hex() + R"(.json","RepoTags":["x:1","y/z:2"],"Layers":[")" +
             layer_path + "\"]}]");
  }
};

TEST_F(DockerArchiveTest, TheOldFormIsRead) {
  write_old_form("abc/layer.tar");
  ASSERT_OK_AND_ASSIGN(const std::vector<FoundImage> found, read_back("docker"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].id, bundle_.id);
  ASSERT_EQ(found[0].names.size(), 2U);
  EXPECT_EQ(found[0].names[1].familiar(), "y/z:2");
  ASSERT_EQ(found[0].blobs.size(), 1U);
  EXPECT_EQ(found[0].blobs[0].digest, record_.diff_id);
}

TEST_F(DockerArchiveTest, LayerPathsStayInTheArchive) {
  write_old_form("../outside.tar");
  ASSERT_OK_AND_ASSIGN(const std::string tar,
                       sys::read_file(AT_FDCWD, store_->blobs().path(record_.diff_id)));
  file(AT_FDCWD, path("outside.tar"), tar);
  const auto found = read_back("docker");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind(), ErrorKind::kNotFound);
}

TEST_F(DockerArchiveTest, ALayerWithAnotherDiffIdIsRefused) {
  write_old_form("abc/layer.tar");
  file(AT_FDCWD, path("docker/abc/layer.tar"), std::string(10240, '\0'));
  const auto found = read_back("docker");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind(), ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace shale::exporter
