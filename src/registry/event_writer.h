// SPDX-License-Identifier: Apache-2.0
// EventWriter: the helper's side of the event pipe.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "base/json.h"
#include "shale/digest.h"

namespace shale::registry {

// Any thread may write; each event is one line. A reader that is gone ends the process: nobody wants the
// result.
class EventWriter {
 public:
  explicit EventWriter(int fd) : fd_(fd) {}
  void write(const Json& event);
  // At most about ten times a second for each blob; the digest may be empty (one download without a name).
  void progress(const Digest& digest, std::uint64_t current, std::uint64_t total);
  void warning(const std::string& text);
  void error(const Error& error);

 private:
  int fd_;
  std::mutex mutex_;
  std::map<Digest, std::chrono::steady_clock::time_point> last_;
};

}  // namespace shale::registry
