// SPDX-License-Identifier: Apache-2.0
// fmt's code as an object of our own, because Debian has it as a shared library only. Compiled with
// -fkeep-inline-functions, so that everything that other files expect in libfmt is here.
#define FMT_HEADER_ONLY
#include <fmt/format.h>
