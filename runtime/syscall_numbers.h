// SPDX-License-Identifier: Apache-2.0
// Numbers of system calls newer than the libseccomp we may be built with.
#pragma once

#include <optional>
#include <string_view>

namespace shale::runtime {

// The number of a call added in Linux 5.10 or later, where all architectures number alike (since 424,
// Linux 5.1).
std::optional<int> recent_syscall_number(std::string_view name);

}  // namespace shale::runtime
