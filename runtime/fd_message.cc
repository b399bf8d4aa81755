// SPDX-License-Identifier: Apache-2.0
#include "runtime/fd_message.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace shale::runtime {

namespace {

constexpr std::size_t kMostFds = 253;  // SCM_MAX_FD of include/net/scm.h

// What one message says. A request with many descriptors is several of them.
struct Head {
  std::int32_t value = 0;
  std::uint32_t still_to_come = 0;  // descriptors in the messages after this one
};

// One message with room for descriptors. It points into itself.
struct Message {
  Message() {
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  ~Message() = default;

  Head head;
  struct iovec data{.iov_base = &head, .iov_len = sizeof head};
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMostFds)] = {};
  struct msghdr header{};
};

}  // namespace

int send_fds(int socket, int value, std::span<const int> fds) {
  do {
    const std::size_t count = std::min(fds.size(), kMostFds);
    Message message;
    message.head = {.value = value, .still_to_come = static_cast<std::uint32_t>(fds.size() - count)};
    message.header.msg_controllen = count == 0 ? 0 : CMSG_SPACE(sizeof(int) * count);
    if (count != 0) {
      struct cmsghdr* control = CMSG_FIRSTHDR(&message.header);
      control->cmsg_level = SOL_SOCKET;
      control->cmsg_type = SCM_RIGHTS;
      control->cmsg_len = CMSG_LEN(sizeof(int) * count);
      std::memcpy(CMSG_DATA(control), fds.data(), sizeof(int) * count);
    }
    ssize_t sent = 0;
    do sent = ::sendmsg(socket, &message.header, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0) return errno;
    fds = fds.subspan(count);
  } while (!fds.empty());
  return 0;
}

FdMessage receive_fds(int socket) {
  FdMessage out;
  while (true) {
    Message message;
    ssize_t got = 0;
    do got = ::recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got != sizeof message.head) {
      out.error = got < 0 ? errno : got == 0 ? EPIPE : EBADMSG;
      return out;
    }
    for (struct cmsghdr* control = CMSG_FIRSTHDR(&message.header); control != nullptr;
         control = CMSG_NXTHDR(&message.header, control)) {
      if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
      const std::size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(control) + i * sizeof fd, sizeof fd);
        out.fds.emplace_back(fd);
      }
    }
    // The table of descriptors is full: the kernel leaves out what has no room.
    if ((message.header.msg_flags & MSG_CTRUNC) != 0) out.error = EMFILE;
    out.value = message.head.value;
    if (message.head.still_to_come == 0) return out;
  }
}

}  // namespace shale::runtime
