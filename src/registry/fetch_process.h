// SPDX-License-Identifier: Apache-2.0
// FetchProcess: a running shale-fetch, and the stream of events it writes. The typed faces of it are in
// pull.h, push.h and http_get.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/unique_fd.h"
#include "sys/process.h"

namespace shale::registry {

// Owns the helper and the read end of its event pipe. Move-only; one thread at a time.
//
// Start it where the invoking user's own ids are real (outside a build's user namespace): credential helpers
// and the user's files are looked at by it. The reader may be a clone of the process that started it: the
// pipe and the buffer go along, and only the starter can reap. Then the starter keeps its object (its
// destructor ends the helper) and does not read. The helper ends by itself when nobody holds the read end any
// more.
class FetchProcess {
 public:
  // `command` is pull, push, get or login; `spec` is handed over in a sealed memory file, never in an
  // argument that others could see.
  static Result<FetchProcess> start(const std::string& command, const Json& spec);

  // Readable when there may be an event, or at the end. Non-blocking.
  [[nodiscard]] int event_fd() const { return events_.get(); }
  // The next event; nullopt when none is there yet. Never blocks. An event {"type":"error"} comes out as the
  // error it carries; so does the end of the stream before {"type":"done"}. After either there is nothing
  // more to read.
  Result<std::optional<Json>> next();
  // The same, waiting for one.
  Result<Json> wait_next();
  // True once "done" or an error has been handed out.
  [[nodiscard]] bool finished() const { return finished_; }

 private:
  FetchProcess(sys::ChildProcess child, UniqueFd events)
      : child_(std::move(child)), events_(std::move(events)) {}
  std::optional<std::string> take_line();
  Result<Json> decode(const std::string& line);
  Error ended_early();

  sys::ChildProcess child_;
  UniqueFd events_;
  std::string buffer_;        // bytes read, not yet handed out
  std::size_t searched_ = 0;  // of them known to hold no line end
  bool finished_ = false;
};

}  // namespace shale::registry
