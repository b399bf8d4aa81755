// SPDX-License-Identifier: Apache-2.0
// Test data: our own tables under data/, and those of other projects, which lie in the conformance corpus and
// not in this repository.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace shale::dockerfile {

inline std::filesystem::path data_path(std::string_view name) {
  return std::filesystem::path(SHALE_DOCKERFILE_TEST_DATA) / name;
}

// A file of the corpus: $SHALE_CONFORMANCE_DIR, else shared/conformance beside the source tree.
inline std::filesystem::path corpus_path(std::string_view name) {
  const char* folder = std::getenv("SHALE_CONFORMANCE_DIR");
  return std::filesystem::path(folder != nullptr ? folder : SHALE_DEFAULT_CORPUS) / "data" / name;
}

// First in a test that reads the corpus.
#define NEEDS_CORPUS(name) \
  if (!std::filesystem::exists(corpus_path(name))) GTEST_SKIP() << "no corpus: " << corpus_path(name)

inline std::string read_data(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

}  // namespace shale::dockerfile
