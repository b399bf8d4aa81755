// SPDX-License-Identifier: Apache-2.0
#include "registry/fetch_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace shale::registry {

namespace {

constexpr std::size_t kMaxLineBytes = std::size_t{64}
                                      << 20;  // a manifest and a config of 4 MiB each, escaped

}  // namespace

Result<FetchProcess> FetchProcess::start(const std::string& command, const Json& spec) {
  ASSIGN_OR_RETURN(const std::string program, sys::helper_path("shale-fetch"));
  ASSIGN_OR_RETURN(const UniqueFd spec_fd, sys::sealed_memfd("fetch-spec", dump_json(spec)));
  ASSIGN_OR_RETURN(FdPair events, sys::make_pipe());
  if (::fcntl(events.first.get(), F_SETFL, O_NONBLOCK) != 0)
    return fail_errno(errno, "set up the event pipe");
  sys::SpawnOptions options;
  options.program = program;
  options.args = {"shale-fetch", command};
  options.fds = {{spec_fd.get(), 3}, {events.second.get(), 4}};
  if (::fcntl(2, F_GETFD) >= 0) options.fds.emplace_back(2, 2);
  ASSIGN_OR_RETURN(sys::ChildProcess child, sys::spawn(options));
  return FetchProcess(std::move(child), std::move(events.first));
}

std::optional<std::string> FetchProcess::take_line() {
  const std::size_t end = buffer_.find('\n', searched_);
  if (end == std::string::npos) {
    searched_ = buffer_.size();
    return std::nullopt;
  }
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  searched_ = 0;
  return line;
}

Error FetchProcess::ended_early() {
  finished_ = true;
  // Only the process that started it can learn how it ended.
  if (const Result<sys::ExitStatus> status = child_.wait(); status && !status->ok())
    return {ErrorKind::kInternal, status->signal != 0
                                      ? fmt::format("shale-fetch was ended by signal {}", status->signal)
                                      : fmt::format("shale-fetch ended with status {}", status->code)};
  return {ErrorKind::kInternal, "shale-fetch ended without saying why"};
}

Result<Json> FetchProcess::decode(const std::string& line) {
  Result<Json> json = parse_json(line, "event of shale-fetch");
  if (!json) {
    finished_ = true;
    return fail(ErrorKind::kInternal, json.error().message());
  }
  const std::string type = json_string(*json, "type");
  if (type == "done" || type == "error") finished_ = true;
  if (type == "error") return std::unexpected<Error>(Error::deserialize(json_string(*json, "error")));
  return json;
}

Result<std::optional<Json>> FetchProcess::next() {
  if (finished_) return fail(ErrorKind::kInternal, "an event was asked for after the last one");
  while (true) {
    if (std::optional<std::string> line = take_line()) {
      ASSIGN_OR_RETURN(Json json, decode(*line));
      return std::optional<Json>(std::move(json));
    }
    char chunk[65536];
    const ssize_t got = ::read(events_.get(), chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return std::optional<Json>{};
    if (got < 0) return fail_errno(errno, "read the events of shale-fetch");
    if (got == 0) return std::unexpected<Error>(ended_early());
    buffer_.append(chunk, static_cast<std::size_t>(got));
    if (buffer_.size() > kMaxLineBytes)
      return fail(ErrorKind::kInternal, "shale-fetch wrote an endless line");
  }
}

Result<Json> FetchProcess::wait_next() {
  while (true) {
    ASSIGN_OR_RETURN(std::optional<Json> json, next());
    if (json) return std::move(*json);
    struct pollfd item{.fd = events_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&item, 1, -1) < 0 && errno != EINTR) return fail_errno(errno, "wait for shale-fetch");
  }
}

}  // namespace shale::registry
