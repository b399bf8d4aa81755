// SPDX-License-Identifier: Apache-2.0
// GitProgram: runs the user's git for us: nothing is asked, nothing but the network is fetched from, and no
// credential shows in an argument or a message.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "plan/git_reference.h"
#include "remote/secret.h"
#include "shale/events.h"

namespace shale::remote {

// What one call needs beside its arguments.
struct GitCall {
  std::vector<std::string> args;  // without "git"
  std::string git_dir;            // absolute; empty = no repository
  std::string work_tree;          // absolute, and where it runs; empty = none
};

// For one remote repository. It must be used where the user's own ids are real
// (outside a build's namespace), by one thread, while no other thread of this process exists: the file mode
// mask is changed for a moment.
class GitProgram {
 public:
  // `secrets` GIT_AUTH_TOKEN and GIT_AUTH_HEADER, also with ".host" behind the name, are sent to an http or
  // https remote. `ssh_socket`: the agent for ssh; empty = the environment's. `events` gets ticks.
  static Result<GitProgram> find(const plan::GitReference& reference, const std::vector<Secret>& secrets,
                                 std::string ssh_socket, EventSink& events);

  // Standard output. An error holds the last lines of standard error.
  Result<std::string> run(const GitCall& call) const;
  // The same; when the server cannot give a part of the history only, again without "--depth=1".
  Result<std::string> run_shallow(GitCall call) const;
  // The same for calls that write files of the repository's: without the filters that the user has set up (of
  // git-lfs, say), which the repository's attributes could ask for.
  [[nodiscard]] GitProgram without_filters(const std::string& git_dir) const;

 private:
  GitProgram(std::string program, EventSink& events) : program_(std::move(program)), events_(&events) {}
  void set_config(std::string key, std::string value) {
    config_.emplace_back(std::move(key), std::move(value));
  }
  [[nodiscard]] std::vector<std::string> environment(const GitCall& call) const;
  [[nodiscard]] std::string censored(std::string text) const;

  std::string program_;
  std::string remote_;  // without login: for messages
  EventSink* events_;
  std::string ssh_socket_;
  std::vector<std::pair<std::string, std::string>> config_;
  std::vector<std::string> hidden_;  // texts that no message may show
};

}  // namespace shale::remote
