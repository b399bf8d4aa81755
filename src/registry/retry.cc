// SPDX-License-Identifier: Apache-2.0
#include "registry/retry.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <time.h>

#include <algorithm>
#include <random>
#include <thread>

#include "registry/header_fields.h"

namespace shale::registry {

namespace {

// Less than this moved between two breaks counts as no progress (containers/image's rule).
constexpr std::uint64_t kProgressBytes = std::uint64_t{1} << 20;

double random_fraction() {
  thread_local std::minstd_rand source{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(source);
}

}  // namespace

bool is_passing_status(int status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

std::chrono::milliseconds backoff(const Patience& patience, int failures, double random) {
  std::chrono::milliseconds wait = patience.first_wait;
  for (int i = 1; i < failures && wait < patience.longest_wait; ++i) wait *= 2;
  wait = std::min(wait, patience.longest_wait);
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(static_cast<double>(wait.count()) * (0.9 + 0.2 * random)));
}

void Retry::reached(std::uint64_t bytes) {
  if (bytes < reached_ + kProgressBytes) return;
  reached_ = bytes;
  failures_ = 0;
  unreachable_ = 0;
  free_try_ = true;
  answers_.clear();
}

namespace {

void add_remedy(Error& error, Outcome outcome) {
  switch (outcome) {
    case Outcome::kUnreachable:
      error.add_hint(
          "check the name and this machine's network; where a proxy is needed, HTTPS_PROXY (or HTTP_PROXY) "
          "names it");
      return;
    case Outcome::kBadTls:
      error.add_hint(
          "an authority of your own is trusted with its ca.crt in ~/.config/docker/certs.d/HOST[:PORT]/ or "
          "/etc/docker/certs.d/HOST[:PORT]/");
      return;
    case Outcome::kNoTls:
      error.add_hint("if it speaks plain HTTP only, SHALE_INSECURE_REGISTRIES=HOST[:PORT] allows that");
      return;
    case Outcome::kAnswered:
    case Outcome::kRefused:
    case Outcome::kBroken:
      return;
  }
}

}  // namespace

Error Retry::give_up(const Exchange& exchange) const {
  const bool answered = exchange.outcome == Outcome::kAnswered;
  Error error(answered ? ErrorKind::kRegistry : ErrorKind::kNetwork,
              fmt::format("{}: {}", what_, answers_.empty() ? "no answer" : answers_.back()));
  if (answers_.size() > 1)
    error.add_context(std::ranges::count(answers_, answers_.back()) ==
                              static_cast<std::ptrdiff_t>(answers_.size())
                          ? fmt::format("after {} tries, each with this answer", answers_.size())
                          : fmt::format("after {} tries: {}", answers_.size(), fmt::join(answers_, "; ")));
  add_remedy(error, exchange.outcome);
  if (exchange.response.status == 429)
    error.add_hint("the registry limits how often it may be asked: log in, or wait");
  return error;
}

Status Retry::next(const Exchange& exchange) {
  if (exchange.outcome == Outcome::kRefused) return fail(*exchange.error);
  const bool answered = exchange.outcome == Outcome::kAnswered;
  answers_.push_back(answered ? fmt::format("status {}", exchange.response.status) : exchange.problem);
  if (exchange.outcome == Outcome::kBadTls || exchange.outcome == Outcome::kNoTls)
    return fail(give_up(exchange));
  if (exchange.outcome == Outcome::kUnreachable && ++unreachable_ >= unreachable_tries_)
    return fail(give_up(exchange));
  if (std::exchange(free_try_, false)) return {};
  if (++failures_ >= patience_.tries) return fail(give_up(exchange));

  std::chrono::milliseconds wait = backoff(patience_, failures_, random_fraction());
  if (answered) {
    const auto asked = parse_retry_after(exchange.response.header("retry-after"), ::time(nullptr));
    if (asked) {
      if (*asked > patience_.longest_wait) {
        Error error = give_up(exchange);
        error.add_hint(fmt::format("it says to come again in {} s", asked->count()));
        return fail(std::move(error));
      }
      // Never sooner than asked; the jitter is added so that many builds do not come back at once.
      wait = std::chrono::duration_cast<std::chrono::milliseconds>(*asked * (1.0 + 0.1 * random_fraction()));
    }
  }
  std::this_thread::sleep_for(wait);
  return {};
}

}  // namespace shale::registry
