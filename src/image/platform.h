// SPDX-License-Identifier: Apache-2.0
// Platform: os/architecture[/variant], in docker's normal form.
#pragma once

#include <string>
#include <string_view>

#include "shale/error.h"

namespace shale::image {

struct Platform {
  std::string os = "linux";
  std::string architecture = "amd64";
  std::string variant;
  std::string os_version;

  // "linux/arm64/v8", "arm64", "linux"; aliases are normalised (x86_64 → amd64, aarch64 → arm64, arm64/v8 →
  // arm64, arm → arm/v7, amd64/v1 → amd64). Characters outside [A-Za-z0-9_.-] are refused: a platform is
  // never a path.
  static Result<Platform> parse(std::string_view text);
  // That of this machine.
  static Platform host();
  // With the aliases replaced as parse() does; the members of a document are kept as written, and compared
  // like this.
  [[nodiscard]] Platform normalized() const;
  [[nodiscard]] std::string to_string() const;
  // Whether a text may stand as os, architecture, variant or version; an empty one may.
  static bool is_valid_part(std::string_view text);
  bool operator==(const Platform&) const = default;
};

}  // namespace shale::image
