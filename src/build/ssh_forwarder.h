// SPDX-License-Identifier: Apache-2.0
// SshForwarder: a socket for one RUN --mount=type=ssh, behind which an agent lists its keys and signs, and
// does nothing else.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <thread>

#include "base/unique_fd.h"

namespace shale::build {

struct SshForwarderOptions {
  std::string agent;   // path of the agent's socket
  int directory = -1;  // where the new socket is made; opened in this mount namespace
  std::string name;
  uid_t uid = 0;  // owner of the socket, as the build's namespace has ids
  gid_t gid = 0;
  mode_t mode = 0600;
};

// An agent serves its own user only; a command runs as whom it likes. So we connect, and the command connects
// to us. A thread of its own passes the messages on, one connection after the other being no rule. It ends
// with the object, and with it every connection.
class SshForwarder {
 public:
  static Result<std::unique_ptr<SshForwarder>> start(const SshForwarderOptions& options);
  SshForwarder(const SshForwarder&) = delete;
  SshForwarder& operator=(const SshForwarder&) = delete;
  ~SshForwarder();

  // The socket's name in the file system (O_PATH), to be bound into a sandbox.
  [[nodiscard]] int path_fd() const { return path_.get(); }

 private:
  SshForwarder() = default;
  void serve() const;

  std::string agent_;
  UniqueFd directory_;
  std::string name_;
  UniqueFd listener_;
  UniqueFd path_;
  UniqueFd stop_;  // eventfd: the thread shall end
  std::thread thread_;
};

}  // namespace shale::build
