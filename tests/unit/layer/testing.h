// SPDX-License-Identifier: Apache-2.0
// What the tests of layer/ share: scratch directories, entries, hostile tars, and the way to the helper
// program.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "layer/archive.h"
#include "layer/manifest.h"
#include "layer/tar_writer.h"
#include "layer/view.h"
#include "sys/files.h"

namespace shale::layer::testing {

// A value, or a failed test that shows the error.
template <typename T>
T must(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << render(result.error(), false);
    std::abort();
  }
  return std::move(*result);
}
inline void must(Status status) {
  if (!status) {
    ADD_FAILURE() << render(status.error(), false);
    std::abort();
  }
}

inline Entry file(std::string path, std::string_view content = "x", std::uint32_t mode = 0644) {
  Entry entry;
  entry.path = std::move(path);
  entry.mode = mode;
  entry.size = content.size();
  entry.content = Digest::of(content);
  return entry;
}
inline Entry directory(std::string path, std::uint32_t mode = 0755) {
  Entry entry;
  entry.path = std::move(path);
  entry.type = EntryType::kDirectory;
  entry.mode = mode;
  return entry;
}
inline Entry opaque(std::string path) {
  Entry entry = directory(std::move(path));
  entry.opaque = true;
  return entry;
}
inline Entry symlink(std::string path, std::string target) {
  Entry entry;
  entry.path = std::move(path);
  entry.type = EntryType::kSymlink;
  entry.mode = 0777;
  entry.link_target = std::move(target);
  return entry;
}
inline Entry whiteout(std::string path) {
  Entry entry;
  entry.path = std::move(path);
  entry.type = EntryType::kWhiteout;
  return entry;
}
inline Entry hard_link(std::string path, std::string first) {
  Entry entry = file(std::move(path));
  entry.hard_link_of = std::move(first);
  return entry;
}
inline Entry device(std::string path, std::uint32_t dev_major, std::uint32_t dev_minor) {
  Entry entry;
  entry.path = std::move(path);
  entry.type = EntryType::kCharDevice;
  entry.mode = 0666;
  entry.dev_major = dev_major;
  entry.dev_minor = dev_minor;
  return entry;
}
inline Entry fifo(std::string path) {
  Entry entry;
  entry.path = std::move(path);
  entry.type = EntryType::kFifo;
  entry.mode = 0644;
  return entry;
}

inline std::shared_ptr<const LayerManifest> manifest_of(std::vector<Entry> entries) {
  return std::make_shared<const LayerManifest>(must(LayerManifest::build(std::move(entries))));
}

// A tar of entries in the given order, however hostile their names: nothing is checked.
class TarBuilder {
 public:
  TarBuilder& add(const Entry& entry, std::string_view content = {}) {
    Entry sized = entry;
    if (sized.is_file() && sized.hard_link_of.empty()) sized.size = content.size();
    bytes_ += tar_header(sized);
    bytes_ += content;
    bytes_ += tar_padding(content.size());
    return *this;
  }
  TarBuilder& file(std::string path, std::string_view content = "x", std::uint32_t mode = 0644) {
    return add(testing::file(std::move(path), content, mode), content);
  }
  TarBuilder& raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  [[nodiscard]] std::string finish() const { return bytes_ + std::string(tar_end()); }
  [[nodiscard]] const std::string& unfinished() const { return bytes_; }

 private:
  std::string bytes_;
};

// Test programs lie in a subdirectory of the build tree; helpers are looked for beside the program.
inline void find_helper() {
  const std::string self = must(sys::self_path());
  const std::string directory = self.substr(0, self.rfind('/'));
  (void)::symlink("../shale-archive", (directory + "/shale-archive").c_str());  // there already: fine
}

class LayerTest : public ::testing::Test {
 protected:
  LayerTest() : temp_(must(sys::TempDir::create("shale-layer-test"))) {
    find_helper();
    ::umask(022);
  }

  [[nodiscard]] std::string path(std::string_view name) const {
    return temp_.path() + "/" + std::string(name);
  }
  void write(std::string_view name, std::string_view content, mode_t mode = 0644) {
    must(sys::replace_file(AT_FDCWD, path(name), content, mode));
  }
  [[nodiscard]] std::string read(std::string_view name) const {
    return must(sys::read_file(AT_FDCWD, path(name)));
  }
  [[nodiscard]] bool exists(std::string_view name) const { return sys::exists_at(AT_FDCWD, path(name)); }
  [[nodiscard]] struct stat stat(std::string_view name) const {
    return must(sys::stat_at(AT_FDCWD, path(name)));
  }
  void make_dir(std::string_view name, mode_t mode = 0755) {
    must(sys::make_dir(AT_FDCWD, path(name), mode, true));
    ASSERT_EQ(::chmod(path(name).c_str(), mode), 0);
  }
  [[nodiscard]] UniqueFd open_dir(std::string_view name) const {
    return must(sys::open_at(AT_FDCWD, path(name), O_RDONLY | O_DIRECTORY));
  }
  void set_xattr(std::string_view name, const char* key, std::string_view value) {
    ASSERT_EQ(::lsetxattr(path(name).c_str(), key, value.data(), value.size(), 0), 0) << strerror(errno);
  }
  [[nodiscard]] std::string xattr(std::string_view name, const char* key) const {
    std::string value(256, '\0');
    const ssize_t size = ::lgetxattr(path(name).c_str(), key, value.data(), value.size());
    return size < 0 ? "(none)" : value.substr(0, static_cast<std::size_t>(size));
  }

  // Unpacks `tar` as a layer into a fresh "NAME/fs" with its manifest beside it.
  Result<ArchiveResult> unpack(const std::string& tar, const std::string& name = "layer",
                               const std::vector<std::string>& lower = {}, ArchiveLimits limits = {}) {
    write("input.tar", tar);
    make_dir(name + "/fs");
    UnpackLayerSpec spec;
    spec.input_path = path("input.tar");
    spec.fs_path = path(name + "/fs");
    spec.manifest_path = path(name + "/manifest");
    for (const std::string& lower_name : lower)
      spec.lower_manifests.push_back(path(lower_name + "/manifest"));
    spec.limits = limits;
    return unpack_layer(spec);
  }
  [[nodiscard]] LayerManifest manifest(const std::string& name = "layer") const {
    return must(LayerManifest::load(AT_FDCWD, path(name + "/manifest")));
  }
  // Everything stat and the bytes say about the canary tree, to compare before and after.
  [[nodiscard]] std::string canary_state() const {
    std::string state;
    for (const char* name : {"canary", "canary/file", "canary/directory"}) {
      const struct stat status = stat(name);
      state += std::to_string(status.st_mode) + " " + std::to_string(status.st_uid) + " " +
               std::to_string(status.st_nlink) + " " + std::to_string(status.st_mtim.tv_sec) + "." +
               std::to_string(status.st_mtim.tv_nsec) + " " + std::to_string(status.st_ino) + "\n";
    }
    for (const std::string& name : must(sys::list_dir(open_dir("canary").get()))) state += name + "\n";
    return state + read("canary/file");
  }
  void make_canary() {
    make_dir("canary/directory", 0700);
    write("canary/file", "untouched");
  }

 private:
  sys::TempDir temp_;
};

}  // namespace shale::layer::testing
