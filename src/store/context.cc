// SPDX-License-Identifier: Apache-2.0
#include "store/context.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>

namespace shale::store {

std::string random_name() {
  constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyz234567";
  std::array<unsigned char, 10> bytes{};
  // Cannot fail or be short for so few bytes once the kernel's pool is ready, which it is after boot
  // (getrandom(2)).
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    const auto ticks = std::chrono::steady_clock::now().time_since_epoch().count() ^ ::getpid();
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(ticks >> (5 * i));
  }
  std::string name;
  for (const unsigned char byte : bytes) name += kLetters[byte & 31];
  return name;
}

std::int64_t now_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

Status move_to_trash(const StoreContext& context, const std::string& path) {
  if (::renameat(context.root.get(), path.c_str(), context.trash.get(), random_name().c_str()) == 0)
    return {};
  if (errno == ENOENT) return {};
  return fail_errno(errno, fmt::format("move '{}/{}' to the trash", context.root_path, path));
}

}  // namespace shale::store
