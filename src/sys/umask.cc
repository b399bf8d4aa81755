// SPDX-License-Identifier: Apache-2.0
#include "sys/umask.h"

#include <sys/stat.h>

namespace shale::sys {

mode_t user_umask() {
  // It can be read only by setting it.
  static const mode_t kMask = [] {
    const mode_t mask = ::umask(022);
    ::umask(mask);
    return mask;
  }();
  return kMask;
}

}  // namespace shale::sys
