// SPDX-License-Identifier: Apache-2.0
// The digest of what an open file holds.
#pragma once

#include <string_view>

#include "shale/digest.h"
#include "shale/error.h"

namespace shale::sys {

// The SHA-256 of all bytes of a regular file, whatever its offset, which stays. `what` names it in an error:
// "read <what>". From any thread.
Result<Digest> digest_file(int fd, std::string_view what);

}  // namespace shale::sys
