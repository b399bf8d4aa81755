// SPDX-License-Identifier: Apache-2.0
// A running SHA-256 (nettle's, which uses the CPU's SHA instructions).
#pragma once

#include <nettle/sha2.h>

#include <span>
#include <string_view>

#include "shale/digest.h"

namespace shale {

// Feed bytes with update(), then take the digest once with finish(). Copyable: a copy continues on its own.
class Sha256 {
 public:
  Sha256() { sha256_init(&context_); }
  void update(std::span<const std::uint8_t> bytes) { sha256_update(&context_, bytes.size(), bytes.data()); }
  void update(std::string_view bytes) {
    sha256_update(&context_, bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
  }
  // Resets the object to the empty state.
  [[nodiscard]] Digest finish();

 private:
  sha256_ctx context_;
};

// A hash over typed, length-prefixed fields, so that no two sequences of fields give the same bytes
// ("a","bc" differs from "ab","c"). Cache keys and content keys are made with it.
class FieldHash {
 public:
  explicit FieldHash(std::string_view domain) { add(domain); }
  FieldHash& add(std::string_view text);
  FieldHash& add(std::uint64_t number);
  FieldHash& add(const Digest& digest);
  [[nodiscard]] Digest finish() { return sha_.finish(); }

 private:
  Sha256 sha_;
};

}  // namespace shale
