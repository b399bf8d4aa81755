// SPDX-License-Identifier: Apache-2.0
#include "runtime/cgroup_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <sstream>

#include "sys/files.h"

namespace shale::runtime {

namespace {

std::optional<std::uint64_t> number(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::uint64_t> read_number(int dir, const std::string& path) {
  const Result<std::string> text = sys::read_file(dir, path);
  return text ? number(*text) : std::nullopt;
}

std::optional<std::uint64_t> read_entry(int dir, const std::string& path, std::string_view key) {
  const Result<std::string> text = sys::read_file(dir, path);
  if (!text) return std::nullopt;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);)
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
      return number(std::string_view(line).substr(key.size() + 1));
  return std::nullopt;
}

std::vector<std::string> read_words(int dir, const std::string& path) {
  std::istringstream text(sys::read_file(dir, path).value_or(""));
  std::vector<std::string> words;
  for (std::string word; text >> word;) words.push_back(word);
  return words;
}

Status write_value(int dir, const std::string& path, std::string_view value) {
  ASSIGN_OR_RETURN(const UniqueFd file, sys::open_at(dir, path, O_WRONLY));
  if (::write(file.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
    return fail_errno(errno, fmt::format("write '{}' to '{}'", value, path));
  return {};
}

}  // namespace shale::runtime
