// SPDX-License-Identifier: Apache-2.0
// Runs a seccomp program in user space, so that its decisions can be asked for any call on any architecture.
#pragma once

#include <linux/seccomp.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace shale::test {

// The action (SECCOMP_RET_…) of one program; nothing if the program is not a valid one.
std::optional<std::uint32_t> evaluate(const std::string& program, const struct seccomp_data& call);

// What the kernel does with several: the strictest action, "allow", "kill", "log" or "errno N".
std::string decide(const std::vector<std::string>& programs, const struct seccomp_data& call);

}  // namespace shale::test
