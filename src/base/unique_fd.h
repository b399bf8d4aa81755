// SPDX-License-Identifier: Apache-2.0
// UniqueFd: the owner of a file descriptor.
#pragma once

#include "base/owned_fd.h"
#include "shale/error.h"

namespace shale {

class UniqueFd : public OwnedFd {
 public:
  using OwnedFd::OwnedFd;
  // Closes and reports: a write error may surface only here (NFS, quotas). reset() is silent.
  [[nodiscard]] Status close();
};

// Two connected descriptors.
struct FdPair {
  UniqueFd first;   // read end of a pipe
  UniqueFd second;  // write end of a pipe
};

}  // namespace shale
