// SPDX-License-Identifier: Apache-2.0
// The isolation ladder: the ways in which a build keeps its commands apart from the host, best first.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "shale/error.h"

namespace shale {

enum class Isolation : std::uint8_t {
  kFull,            // a user namespace with a range of ids, and all other namespaces in it
  kSingle,          // the same with one id; what root would do to others is emulated
  kMountNamespace,  // root without a user namespace: its own mounts and processes, the host's ids
  kChroot,          // (container) root with nothing but chroot(2): isolates nothing
  kNone,            // no namespace and no command: Dockerfiles without RUN
};

// "full", "single", "mountns", "chroot" or "none".
const char* isolation_name(Isolation isolation);

// The value of --isolation and SHALE_ISOLATION: one of these names, or nothing for "", "auto" and "default",
// which leave the choice to a probe. Anything else is kUsage, with a suggestion.
Result<std::optional<Isolation>> parse_isolation(std::string_view text);

}  // namespace shale
