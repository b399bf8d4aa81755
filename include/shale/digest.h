// SPDX-License-Identifier: Apache-2.0
// Digest: the SHA-256 of some bytes, the only digest algorithm Shale produces or accepts.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "shale/error.h"

namespace shale {

// A value that can hold nothing but 32 bytes, so that no digest string from outside ever becomes a path
// (CVE-2024-3727). The default value is all zeros and means "none".
class Digest {
 public:
  static constexpr std::size_t kBytes = 32;
  using Bytes = std::array<std::uint8_t, kBytes>;

  Digest() = default;
  explicit Digest(const Bytes& bytes) : bytes_(bytes) {}

  // Accepts exactly "sha256:" + 64 lower-case hex digits.
  static Result<Digest> parse(std::string_view text);
  // Accepts exactly 64 lower-case hex digits.
  static Result<Digest> from_hex(std::string_view hex);
  // The digest of `bytes`.
  static Digest of(std::string_view bytes);

  [[nodiscard]] std::string hex() const;        // 64 digits
  [[nodiscard]] std::string short_hex() const;  // the first 12, as docker shows ids
  [[nodiscard]] std::string to_string() const;  // "sha256:…"
  [[nodiscard]] bool empty() const { return bytes_ == Bytes{}; }
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }

  auto operator<=>(const Digest&) const = default;

 private:
  Bytes bytes_{};
};

}  // namespace shale

template <>
struct std::hash<shale::Digest> {
  std::size_t operator()(const shale::Digest& digest) const noexcept {
    std::size_t value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i) value = (value << 8) | digest.bytes()[i];
    return value;
  }
};
