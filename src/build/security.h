// SPDX-License-Identifier: Apache-2.0
// The seccomp profile that --security-opt names, as a policy.
#pragma once

#include <optional>

#include "runtime/seccomp_profile.h"
#include "shale/run_options.h"

namespace shale::build {

// Read and understood, but not compiled yet; nothing for kUnconfined. A file that cannot be read or is no
// profile is kUsage and says where.
Result<std::optional<runtime::SeccompProfile>> chosen_profile(const SecurityOptions& options);

}  // namespace shale::build
