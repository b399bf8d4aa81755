// SPDX-License-Identifier: Apache-2.0
// A test with a directory of its own, and short ways to put things there.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "sys/files.h"

namespace shale::sys {

#define ASSERT_OK(expr)                                                 \
  do {                                                                  \
    auto assert_status = (expr);                                        \
    ASSERT_TRUE(assert_status) << render(assert_status.error(), false); \
  } while (false)

class DirectoryTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<TempDir> made = TempDir::create("shale-sys-test-");
    ASSERT_TRUE(made) << render(made.error(), false);
    temporary_ = std::make_unique<TempDir>(std::move(*made));
    Result<UniqueFd> opened = open_at(AT_FDCWD, temporary_->path(), O_RDONLY | O_DIRECTORY);
    ASSERT_TRUE(opened);
    directory_ = std::move(*opened);
  }

  [[nodiscard]] int dir() const { return directory_.get(); }
  [[nodiscard]] const std::string& path() const { return temporary_->path(); }
  void write(const std::string& name, std::string_view content) const {
    ASSERT_OK(replace_file(dir(), name, content, 0644));
  }
  void link(const std::string& target, const std::string& name) const {
    ASSERT_EQ(::symlinkat(target.c_str(), dir(), name.c_str()), 0) << name;
  }
  void make(const std::string& name) const { ASSERT_OK(make_dir(dir(), name, 0755, true)); }
  // The content of a file, or "error: …".
  [[nodiscard]] static std::string content(const Result<UniqueFd>& fd) {
    if (!fd) return "error: " + fd.error().to_line();
    const Result<std::string> text = read_fd(fd->get(), "test");
    return text ? *text : "error: " + text.error().to_line();
  }
  [[nodiscard]] std::string content(const std::string& name) const {
    return content(open_at(dir(), name, O_RDONLY));
  }

 private:
  std::unique_ptr<TempDir> temporary_;
  UniqueFd directory_;
};

}  // namespace shale::sys
