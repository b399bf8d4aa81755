// SPDX-License-Identifier: Apache-2.0
// An overlay as a detached mount, for tests that need a root file system and not the store.
#pragma once

#include <string>

#include "base/unique_fd.h"

namespace shale::test {

// Mounts `upper` over `lower` (paths) with a fresh `work` directory; the descriptor of the detached mount.
Result<UniqueFd> mount_overlay(const std::string& lower, const std::string& upper, const std::string& work);

}  // namespace shale::test
