// SPDX-License-Identifier: Apache-2.0
// Mount points that are made in what a sandbox has just got: its /dev, or a mount that holds another. Part of
// the program, not of the library.
#pragma once

#include <string_view>

#include "runtime/sandbox_spec.h"

namespace shale::runtime {

// Whether a directory is mounted, not a file.
bool is_directory(const SandboxMount& mount);

// Makes the mount point `path` in the directory `top`, directories on the way included. What cannot be made
// is reported when it is mounted on.
void make_target(int top, std::string_view path, bool is_directory);

}  // namespace shale::runtime
