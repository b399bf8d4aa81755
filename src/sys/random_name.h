// SPDX-License-Identifier: Apache-2.0
// Names that nobody has.
#pragma once

#include <string>

namespace shale::sys {

// Ten random characters of [a-z2-7]: 50 bits, short enough for mount(2)'s page of options. Not of the
// process's number, which comes again: in containers it nearly always does, and what one of them left when it
// was killed must not be in the next one's way, or be taken for its own.
std::string random_name();

}  // namespace shale::sys
