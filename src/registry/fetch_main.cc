// SPDX-License-Identifier: Apache-2.0
// shale-fetch: the program that speaks HTTP for Shale. It is started as "shale-fetch pull|push|get|login"
// with a JSON specification on descriptor 3, and writes its events as JSON lines on descriptor 4; the last is
// {"type":"done"} or
// {"type":"error"}. Nothing secret is in its arguments.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "registry/commands.h"
#include "sys/files.h"

namespace {

using namespace shale;

constexpr int kSpecFd = 3;
constexpr int kEventFd = 4;

Status run(std::string_view command, registry::EventWriter& events) {
  ASSIGN_OR_RETURN(const std::string text, sys::read_fd(kSpecFd, "specification"));
  ASSIGN_OR_RETURN(const Json spec, parse_json(text, "specification"));
  registry::setup_http();
  if (command == "pull") return registry::run_pull(spec, events);
  if (command == "push") return registry::run_push(spec, events);
  if (command == "get") return registry::run_get(spec, events);
  if (command == "login") return registry::run_login(spec, events);
  return fail(ErrorKind::kInternal, fmt::format("'{}' is no command of shale-fetch", command));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || ::fcntl(kEventFd, F_GETFD) < 0) {
    std::fputs("shale-fetch is a part of shale and not called by hand\n", stderr);
    return 2;
  }
  ::signal(SIGPIPE, SIG_IGN);
  // Credential helpers must not inherit them.
  ::fcntl(kSpecFd, F_SETFD, FD_CLOEXEC);
  ::fcntl(kEventFd, F_SETFD, FD_CLOEXEC);
  registry::EventWriter events(kEventFd);
  const Status status = run(argv[1], events);
  if (status) return 0;
  events.error(status.error());
  return 1;
}
