// SPDX-License-Identifier: Apache-2.0
// run_inside: a piece of work in the build's user and mount namespace, its result brought back out.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/unique_fd.h"
#include "runtime/isolation.h"
#include "shale/events.h"

namespace shale::exporter {

// The name of the encoding of layer directories made under these maps (LayerRecord::encoding): "identity",
// "single", or "full-" and a hash of the extents. Directories of one encoding have the same ids on disk for
// the same ids inside.
std::string encoding_of(const runtime::IdMaps& maps);

struct InsideOptions;

// What the work has of the outside. One thread at a time.
class Inside {
 public:
  ~Inside();
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

  // Readable once the user asked to stop (SIGINT, SIGTERM or SIGHUP, here or to the process outside). Those
  // signals stay blocked, so that the work can tidy up and end with kCancelled; who does not end in time is
  // killed.
  [[nodiscard]] int stop_fd() const { return stop_fd_.get(); }
  [[nodiscard]] const std::string& encoding() const { return encoding_; }
  // A sink whose events are handed to InsideOptions::events outside (all but StepOutput and BuildSummary).
  // For work that shows something before and after it was inside; others use their sink directly.
  [[nodiscard]] EventSink& events();
  // Has InsideOptions::answer called outside with `request` and waits for what it returns.
  Result<Json> ask(const Json& request);

 private:
  struct Link;
  friend Result<Json> run_inside(const runtime::BuildIsolation& isolation, const InsideOptions& options,
                                 const std::function<Result<Json>(Inside&)>& work);
  Inside(UniqueFd control, UniqueFd stop_fd, std::string encoding);
  // The cloned process, up to its exit code.
  static int run(UniqueFd control, const std::string& encoding,
                 const std::function<Result<Json>(Inside&)>& work);

  std::unique_ptr<Link> link_;
  UniqueFd stop_fd_;
  std::string encoding_;
};

struct InsideOptions {
  // Gets what Inside::events() is given, and ticks. May be null: then events are dropped.
  EventSink* events = nullptr;
  // Answers Inside::ask() in the process outside, as the user. Without it every question is an error.
  std::function<Result<Json>(const Json&)> answer;
  // How long the work may take to end after a signal, before it is killed.
  std::chrono::milliseconds grace{5000};
};

// Clones, and calls `work` in the namespace as its uid 0, in a process group of its own.
// Everything it captures is there, as a copy; no Store may be open across the call, and no thread may exist.
// Blocks until the work has ended and nothing of it is left: its result, its error, kCancelled after a
// signal, or what killed it.
Result<Json> run_inside(const InsideOptions& options, const std::function<Result<Json>(Inside&)>& work);

// The same, with an isolation that the caller chose.
Result<Json> run_inside(const runtime::BuildIsolation& isolation, const InsideOptions& options,
                        const std::function<Result<Json>(Inside&)>& work);

}  // namespace shale::exporter
