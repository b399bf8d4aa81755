// SPDX-License-Identifier: Apache-2.0
// What the store's tests share: a store in a temporary directory, small layers, child processes.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>

#include "shale/error.h"
#include "store/layers.h"
#include "store/lease.h"
#include "store/store.h"
#include "sys/files.h"

namespace shale::store {

// ASSERT_OK_AND_ASSIGN(auto x, f()): x is f's value, or the test ends with f's error.
#define ASSERT_OK(expr)                                                 \
  do {                                                                  \
    auto assert_status = (expr);                                        \
    ASSERT_TRUE(assert_status) << render(assert_status.error(), false); \
  } while (false)
// NOLINTBEGIN(bugprone-macro-parentheses): a declaration cannot stand in parentheses
#define ASSERT_OK_AND_ASSIGN(declaration, expr) \
  ASSERT_OK_AND_ASSIGN_IMPL(SHALE_CONCAT(assert_result_, __LINE__), declaration, expr)
#define ASSERT_OK_AND_ASSIGN_IMPL(result, declaration, expr) \
  auto result = (expr);                                      \
  ASSERT_TRUE(result) << render(result.error(), false);      \
  declaration = std::move(*result)
// NOLINTEND(bugprone-macro-parentheses)

inline constexpr const char* kEncoding = "full";

inline Digest digest_of(const std::string& text) { return Digest::of(text); }

// A layer with one file; the same name and content give the same content key, `mtime` another diff_id.
inline NewLayer file_layer(const std::string& name, const std::string& content, std::int64_t mtime = 1) {
  layer::Entry entry;
  entry.path = name;
  entry.mode = 0644;
  entry.size = content.size();
  entry.mtime_s = mtime;
  entry.content = Digest::of(content);
  NewLayer layer;
  Result<layer::LayerManifest> manifest = layer::LayerManifest::build({entry});
  EXPECT_TRUE(manifest);
  layer.manifest = std::make_shared<const layer::LayerManifest>(std::move(*manifest));
  layer.diff_id = Digest::of(name + "\n" + content + "\n" + std::to_string(mtime));
  layer.tar_bytes = 2048;
  layer.encoding = kEncoding;
  return layer;
}

// Publishes such a layer, its file included.
inline Result<LayerRecord> publish_file(Store& store, BuildLease& lease, const std::string& name,
                                        const std::string& content, std::int64_t mtime = 1,
                                        NewLayer::Identity identity = NewLayer::Identity::kContent) {
  ASSIGN_OR_RETURN(WorkDirectory directory, lease.new_directory());
  RETURN_IF_ERROR(sys::replace_file(directory.fs.get(), name, content, 0644));
  NewLayer layer = file_layer(name, content, mtime);
  layer.identity = identity;
  return store.layers().publish(lease, std::move(directory), layer);
}

class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<sys::TempDir> made = sys::TempDir::create("shale-store-test-");
    ASSERT_TRUE(made);
    temporary_ = std::make_unique<sys::TempDir>(std::move(*made));
    root_ = temporary_->path() + "/store";
  }

  // Runs `body` in a child process; true when it returned true.
  static bool in_child(const std::function<bool()>& body) {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(body() ? 0 : 1);
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

  [[nodiscard]] std::size_t entries_in(const std::string& directory) const {
    const Result<UniqueFd> fd = sys::open_at(AT_FDCWD, root_ + "/" + directory, O_RDONLY | O_DIRECTORY);
    if (!fd) return 0;
    const Result<std::vector<std::string>> names = sys::list_dir(fd->get());
    return names ? names->size() : 0;
  }

  std::unique_ptr<sys::TempDir> temporary_;
  std::string root_;
};

}  // namespace shale::store
