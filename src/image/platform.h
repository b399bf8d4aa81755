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

  // "linux/arm64/v8", "arm64", "linux"; aliases are normalised (x86_64 → amd64, aarch64 → arm64, arm64/v8 → arm64,
  // arm → arm/v7, amd64/v1 → amd64). Characters outside [A-Za-z0-9_.-] are refused: a platform is never a path.
  static Result<Platform> parse(std::string_view text);
  // That of this machine.
  static Platform host();
  [[nodiscard]] std::string to_string() const;
  bool operator==(const Platform&) const = default;
};

}  // namespace shale::image
