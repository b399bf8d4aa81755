// SPDX-License-Identifier: Apache-2.0
#include "shale/isolation.h"

#include <fmt/format.h>

#include <array>
#include <string>

namespace shale {

namespace {

constexpr std::array kLadder = {Isolation::kFull, Isolation::kSingle, Isolation::kMountNamespace,
                                Isolation::kChroot, Isolation::kNone};

}  // namespace

const char* isolation_name(Isolation isolation) {
  switch (isolation) {
    case Isolation::kFull:
      return "full";
    case Isolation::kSingle:
      return "single";
    case Isolation::kMountNamespace:
      return "mountns";
    case Isolation::kChroot:
      return "chroot";
    case Isolation::kNone:
      break;
  }
  return "none";
}

Result<std::optional<Isolation>> parse_isolation(std::string_view text) {
  if (text.empty() || text == "auto" || text == "default") return std::nullopt;
  for (const Isolation isolation : kLadder)
    if (text == isolation_name(isolation)) return isolation;
  return fail(Error(ErrorKind::kUsage, fmt::format("unknown isolation '{}'", text))
                  .hint("--isolation and SHALE_ISOLATION take auto, full, single, mountns, chroot or none"));
}

}  // namespace shale
