// SPDX-License-Identifier: Apache-2.0
#include "shale/digest.h"

#include <fmt/format.h>

#include "base/sha256.h"

namespace shale {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// At most 80 printable bytes of text that came from outside.
std::string shown(std::string_view text) {
  std::string out;
  for (char c : text.substr(0, 80)) out += c >= ' ' && c < 0x7f ? c : '?';
  return out;
}

}  // namespace

Result<Digest> Digest::from_hex(std::string_view hex) {
  Bytes bytes{};
  bool good = hex.size() == 2 * kBytes;
  for (std::size_t i = 0; good && i < kBytes; ++i) {
    const int high = hex_value(hex[2 * i]);
    const int low = hex_value(hex[2 * i + 1]);
    good = high >= 0 && low >= 0;
    bytes[i] = static_cast<std::uint8_t>((high << 4) | low);
  }
  if (!good)
    return fail(ErrorKind::kCorrupt,
                fmt::format("'{}' is not a SHA-256 (64 lower-case hex digits)", shown(hex)));
  return Digest(bytes);
}

Result<Digest> Digest::parse(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  if (!text.starts_with(kPrefix))
    return fail(ErrorKind::kCorrupt,
                fmt::format("'{}' is not a digest of the form sha256:<64 hex digits>", shown(text)));
  return from_hex(text.substr(kPrefix.size()));
}

Digest Digest::of(std::string_view bytes) {
  Sha256 sha;
  sha.update(bytes);
  return sha.finish();
}

std::string Digest::hex() const {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out(2 * kBytes, '0');
  for (std::size_t i = 0; i < kBytes; ++i) {
    out[2 * i] = kDigits[bytes_[i] >> 4];
    out[2 * i + 1] = kDigits[bytes_[i] & 15];
  }
  return out;
}

std::string Digest::short_hex() const { return hex().substr(0, 12); }
std::string Digest::to_string() const { return "sha256:" + hex(); }

Digest Sha256::finish() {
  Digest::Bytes bytes{};
  sha256_digest(&context_, bytes.size(), bytes.data());
  return Digest(bytes);
}

FieldHash& FieldHash::add(std::string_view text) {
  add(static_cast<std::uint64_t>(text.size()));
  sha_.update(text);
  return *this;
}

FieldHash& FieldHash::add(std::uint64_t number) {
  std::array<std::uint8_t, 8> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
  sha_.update(bytes);
  return *this;
}

FieldHash& FieldHash::add(const Digest& digest) {
  sha_.update(digest.bytes());
  return *this;
}

}  // namespace shale
