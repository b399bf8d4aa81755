// SPDX-License-Identifier: Apache-2.0
// What the probe found: groups of items, each with a word for a value. One function for each subject fills in
// its groups.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace shale::probe {

using Findings = std::map<std::string, std::map<std::string, std::string>>;

// What the caller says about the host, because a step cannot know it.
struct Host {
  std::vector<std::string> namespaces;  // links of /proc/self/ns: "user:[4026531837]"
  std::string abstract_socket;          // name of a socket that a process of the host listens on
  int port = 0;                         // of 127.0.0.1, likewise
};

void find_privileges(Findings& found, const Host& host);  // process.cc
void find_surroundings(Findings& found, const Host& host);
void find_calls(Findings& found);  // calls.cc
void find_files(Findings& found);  // files.cc

// The name of an errno: "EPERM".
std::string errno_name(int error);
// All of a file's lines; none if it cannot be read.
std::vector<std::string> lines_of(const std::string& path);

// Runs `attempt` in a process of its own and gives back its word, or "signal N", or "blocks" if it takes
// longer than a third of a second.
std::string in_child(const std::function<std::string()>& attempt);

}  // namespace shale::probe
