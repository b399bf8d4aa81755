// SPDX-License-Identifier: Apache-2.0
// What is said where a host refuses namespaces.
#pragma once

#include <string>

#include "shale/error.h"

namespace shale::runtime {

// That namespaces were refused, or mounts in them, with `errno_value`: why this host does it, and what to do.
Error namespace_error(int errno_value, std::string what);

}  // namespace shale::runtime
