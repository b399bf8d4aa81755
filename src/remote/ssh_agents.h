// SPDX-License-Identifier: Apache-2.0
// SshAgents: the agents behind --ssh, by their ids.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "shale/build.h"
#include "sys/process.h"

namespace shale::remote {

// Used outside of the build's namespace, as the user. A key that is given as a file goes into an ssh-agent of
// this build, which ends with it: the bytes of a key are never in our memory.
class SshAgents {
 public:
  SshAgents() = default;
  SshAgents(const SshAgents&) = delete;
  SshAgents& operator=(const SshAgents&) = delete;
  ~SshAgents();

  // Checks that sockets and files are there; starts nothing.
  Status use(const std::vector<SshSpec>& specs);

  [[nodiscard]] bool has(const std::string& id) const { return specs_.contains(id); }
  // A path of the agent's socket, its agent started if need be with its socket in `directory`, an open one of
  // the build's own. The error of an unknown id says how to give one.
  Result<std::string> socket_of(const std::string& id, int directory);
  // What socket_of() gave, or none: safe to ask in a clone of this process.
  [[nodiscard]] std::optional<std::string> known_socket(const std::string& id) const;

 private:
  Result<std::string> start_agent(const SshSpec& spec, int directory);

  std::map<std::string, SshSpec> specs_;
  std::map<std::string, std::string> sockets_;
  // A shell that waits for the end of its input, and then ends the agent it belongs to: so it ends with us,
  // however we end. (ssh-agent itself is often set-gid, and such programs get no parent-death signal.)
  struct Agent {
    sys::ChildProcess shell;
    UniqueFd input;
  };
  std::vector<Agent> agents_;
};

}  // namespace shale::remote
