// SPDX-License-Identifier: Apache-2.0
// Descriptors that go through a unix socket. Nothing but system calls: shale-runtime has it, too.
#pragma once

#include <span>
#include <vector>

#include "base/owned_fd.h"

namespace shale::runtime {

// Sends `value` with `fds` over a SOCK_SEQPACKET or SOCK_STREAM socket, in as many messages as the kernel's
// limit on descriptors asks for. 0 or an errno.
int send_fds(int socket, int value, std::span<const int> fds);

struct FdMessage {
  int value = 0;
  std::vector<OwnedFd> fds;  // close-on-exec
  int error = 0;             // an errno; EPIPE when there is nobody at the other end
};
// Blocks until what one send_fds() sent is here.
FdMessage receive_fds(int socket);

}  // namespace shale::runtime
