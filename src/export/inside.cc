// SPDX-License-Identifier: Apache-2.0
// run_inside: both sides of the clone, and the messages between them.
#include "export/inside.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>

#include "base/sha256.h"
#include "export/control_channel.h"
#include "export/event_wire.h"
#include "sys/umask.h"

namespace shale::exporter {

namespace {

using Clock = std::chrono::steady_clock;

sigset_t stop_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&set, signal);
  return set;
}

Result<UniqueFd> open_signal_fd() {
  const sigset_t set = stop_signals();
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return fail_errno(errno, "make a descriptor for signals");
  return fd;
}

// Holds the signals back for as long as it lives, so that they come through a descriptor.
class HeldSignals {
 public:
  HeldSignals() {
    const sigset_t set = stop_signals();
    ::pthread_sigmask(SIG_BLOCK, &set, &before_);
  }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  ~HeldSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

class ForwardingSink : public EventSink {
 public:
  explicit ForwardingSink(ControlChannel& control) : control_(control) {}
  void on(const Event& event) override {
    // If nobody is there any more, the process ends by itself.
    if (const std::optional<Json> json = event_to_json(event)) (void)control_.send(*json);
  }

 private:
  ControlChannel& control_;
};

// The outer side of one run.
class Watch {
 public:
  Watch(const InsideOptions& options, runtime::BuildProcess build, UniqueFd signals)
      : options_(options),
        process_(std::move(build.process)),
        control_(std::move(build.control)),
        signals_(std::move(signals)) {}

  Result<Json> run() {
    RETURN_IF_ERROR(wait_for_end());
    // Helpers it left running are in its group; its number is not given away before it is reaped.
    siginfo_t info{};
    while (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(process_.pidfd()), &info,
                    WEXITED | WNOWAIT) != 0 &&
           errno == EINTR) {
    }
    (void)::kill(-process_.pid(), SIGKILL);  // there is usually nobody
    ASSIGN_OR_RETURN(const sys::ExitStatus status, process_.wait());
    if (outcome_) return std::move(*outcome_);
    if (signals_seen_ > 0) return fail(ErrorKind::kCancelled, "interrupted");
    if (status.signal == SIGKILL)
      return fail(Error(ErrorKind::kSystem, "the process that did the work was killed (SIGKILL)")
                      .hint("the kernel does that when memory runs out: see dmesg"));
    return fail(ErrorKind::kInternal,
                fmt::format("the process that did the work ended with {} and without a result",
                            status.signal != 0 ? fmt::format("signal {}", status.signal)
                                               : fmt::format("status {}", status.code)));
  }

 private:
  Status wait_for_end() {
    constexpr int kTickMilliseconds = 100;
    for (;;) {
      struct pollfd fds[] = {{.fd = control_.fd(), .events = POLLIN, .revents = 0},
                             {.fd = signals_.get(), .events = POLLIN, .revents = 0},
                             {.fd = process_.pidfd(), .events = POLLIN, .revents = 0}};
      if (::poll(fds, std::size(fds), kTickMilliseconds) < 0 && errno != EINTR)
        return fail_errno(errno, "wait for the process that does the work");
      if (options_.events != nullptr) options_.events->tick();
      if (fds[1].revents != 0) take_signal();
      if (deadline_ && Clock::now() >= *deadline_) (void)process_.send_signal(SIGKILL);
      if (fds[0].revents != 0) {
        ASSIGN_OR_RETURN(const std::optional<Json> message, control_.receive());
        if (!message) return {};
        RETURN_IF_ERROR(take_message(*message));
      } else if (fds[2].revents != 0) {
        return {};
      }
    }
  }

  void take_signal() {
    struct signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) != sizeof info) return;
    // The first asks, the second insists.
    if (++signals_seen_ == 1) deadline_ = Clock::now() + options_.grace;
    (void)process_.send_signal(signals_seen_ == 1 ? static_cast<int>(info.ssi_signo) : SIGKILL);
  }

  Status take_message(const Json& message) {
    if (const Json* value = json_member(message, "result")) {
      outcome_ = *value;
    } else if (json_member(message, "error") != nullptr) {
      outcome_ = fail(Error::deserialize(json_string(message, "error")));
    } else if (const Json* request = json_member(message, "ask")) {
      Result<Json> answer = options_.answer
                                ? options_.answer(*request)
                                : Result<Json>(fail(ErrorKind::kInternal, "nobody answers questions"));
      return control_.send(answer ? Json{{"result", std::move(*answer)}}
                                  : Json{{"error", answer.error().serialize()}});
    } else if (const std::optional<Event> event = event_from_json(message)) {
      if (options_.events != nullptr) options_.events->on(*event);
    }
    return {};
  }

  const InsideOptions& options_;
  sys::ChildProcess process_;
  ControlChannel control_;
  UniqueFd signals_;
  int signals_seen_ = 0;
  std::optional<Clock::time_point> deadline_;
  std::optional<Result<Json>> outcome_;
};

}  // namespace

std::string encoding_of(const runtime::IdMaps& maps) {
  switch (maps.kind) {
    case runtime::IdMaps::Kind::kIdentity:
      return "identity";
    case runtime::IdMaps::Kind::kSingle:
      return "single";
    case runtime::IdMaps::Kind::kFull:
      break;
  }
  FieldHash hash("id map");
  for (const std::vector<runtime::IdMap>* extents : {&maps.uids, &maps.gids}) {
    hash.add(static_cast<std::uint64_t>(extents->size()));
    for (const runtime::IdMap& extent : *extents)
      hash.add(std::uint64_t{extent.inside})
          .add(std::uint64_t{extent.outside})
          .add(std::uint64_t{extent.count});
  }
  return "full-" + hash.finish().short_hex();
}

struct Inside::Link {
  explicit Link(UniqueFd socket) : control(std::move(socket)), sink(control) {}
  ControlChannel control;
  ForwardingSink sink;
};

Inside::Inside(UniqueFd control, UniqueFd stop_fd, std::string encoding)
    : link_(std::make_unique<Link>(std::move(control))),
      stop_fd_(std::move(stop_fd)),
      encoding_(std::move(encoding)) {}
Inside::~Inside() = default;

EventSink& Inside::events() { return link_->sink; }

Result<Json> Inside::ask(const Json& request) {
  RETURN_IF_ERROR(link_->control.send({{"ask", request}}));
  ASSIGN_OR_RETURN(const std::optional<Json> answer, link_->control.receive());
  if (!answer) return fail(ErrorKind::kCancelled, "the process outside is gone");
  if (const Json* value = json_member(*answer, "result")) return *value;
  return fail(Error::deserialize(json_string(*answer, "error")));
}

int Inside::run(UniqueFd control, const std::string& encoding,
                const std::function<Result<Json>(Inside&)>& work) {
  ::setpgid(0, 0);             // what the terminal sends comes through the process outside, once
  ::signal(SIGPIPE, SIG_IGN);  // a closed output is an error like any other
  // A terminal with "stty tostop" must not stop us for writing to it.
  sigset_t set = stop_signals();
  ::sigaddset(&set, SIGTTOU);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  Result<UniqueFd> stop = open_signal_fd();
  Inside inside(std::move(control), stop ? std::move(*stop) : UniqueFd(), encoding);
  Result<Json> result = stop ? work(inside) : Result<Json>(fail(std::move(stop.error())));
  const Json message =
      result ? Json{{"result", std::move(*result)}} : Json{{"error", result.error().serialize()}};
  return inside.link_->control.send(message) ? 0 : 1;
}

Result<Json> run_inside(const InsideOptions& options, const std::function<Result<Json>(Inside&)>& work) {
  ASSIGN_OR_RETURN(const runtime::BuildIsolation isolation, runtime::plan_isolation(std::nullopt));
  return run_inside(isolation, options, work);
}

Result<Json> run_inside(const runtime::BuildIsolation& isolation, const InsideOptions& options,
                        const std::function<Result<Json>(Inside&)>& work) {
  (void)sys::user_umask();  // inside it is another one, and what is written there may be the user's
  const HeldSignals held;
  // Without a user namespace of its own, a command that is root could read our environment and our memory.
  // Not what is not dumpable: for that it lacks the capability.
  if (isolation.namespaces() != runtime::BuildNamespaces::kUserAndMount)
    (void)::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  ASSIGN_OR_RETURN(UniqueFd signals, open_signal_fd());
  const std::string encoding = encoding_of(isolation.maps);
  ASSIGN_OR_RETURN(
      runtime::BuildProcess build,
      runtime::enter_build_namespace(isolation.maps, isolation.namespaces(), [&](UniqueFd control) {
        return Inside::run(std::move(control), encoding, work);
      }));
  return Watch(options, std::move(build), std::move(signals)).run();
}

}  // namespace shale::exporter
