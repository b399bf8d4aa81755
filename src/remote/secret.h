// SPDX-License-Identifier: Apache-2.0
// Secret: one value of --secret, read.
#pragma once

#include <string>

namespace shale::remote {

struct Secret {
  std::string id;
  std::string value;
};

}  // namespace shale::remote
