// SPDX-License-Identifier: Apache-2.0
// fmt's code as an object of our own, because Debian has it as a shared library only. Compiled with
// -fkeep-inline-functions, so that everything that other files expect in libfmt is here.
#define FMT_HEADER_ONLY
#include <fmt/format.h>

#include <locale>

// Templates are kept only when they are asked for: <fmt/chrono.h> takes this one from libfmt.
template std::locale fmt::detail::locale_ref::get<std::locale>() const;
