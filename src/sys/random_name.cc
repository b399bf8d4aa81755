// SPDX-License-Identifier: Apache-2.0
#include "sys/random_name.h"

#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <chrono>

namespace shale::sys {

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

}  // namespace shale::sys
