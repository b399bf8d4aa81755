// SPDX-License-Identifier: Apache-2.0
// Mount: one "RUN --mount=…" with every key read and checked.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "dockerfile/instructions.h"
#include "shale/error.h"

namespace shale::dockerfile {

enum class MountType : std::uint8_t { kBind, kCache, kTmpfs, kSecret, kSsh };
enum class CacheSharing : std::uint8_t { kShared, kPrivate, kLocked };

struct Mount {
  MountType type = MountType::kBind;
  std::string from;    // stage, named context or image; "" = the build context (bind) or nothing (cache)
  std::string source;  // path inside `from`; for a secret its id when `id` is empty
  std::string target;  // as written, may be relative to WORKDIR; "" = the type's default
  std::string id;      // cache, secret, ssh
  bool read_only = true;
  bool required = false;                         // secret, ssh
  CacheSharing sharing = CacheSharing::kShared;  // cache
  std::optional<std::uint32_t> mode;             // cache, secret, ssh
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::uint64_t size_bytes = 0;    // tmpfs; 0 = no limit
  std::optional<std::string> env;  // secret
};

// Turns one value of a mount's text into its final text.
using ValueExpander = std::function<Result<std::string>(std::string_view)>;

// Reads `text` ("type=cache,target=/x"), expanding every value but from= with `expand`. The errors have no
// place: the caller adds the instruction's.
Result<Mount> resolve_mount(std::string_view text, const ValueExpander& expand);

// What can be said before variables are known: the CSV is well formed and from= holds no variable. Gives
// from's value.
Result<std::string> mount_from(std::string_view text);

}  // namespace shale::dockerfile
