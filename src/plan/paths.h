// SPDX-License-Identifier: Apache-2.0
// Paths inside an image, as text.
#pragma once

#include <string>
#include <string_view>

namespace shale::plan {

// "/a" + "../b" → "/b"; always absolute, without a trailing slash.
std::string clean_path(std::string_view path);

}  // namespace shale::plan
