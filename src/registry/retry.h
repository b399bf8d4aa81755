// SPDX-License-Identifier: Apache-2.0
// Retry: counts the tries of one request and waits between them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "registry/http_client.h"
#include "registry/options.h"

namespace shale::registry {

// 408, 429 and the 5xx that pass by themselves.
bool is_passing_status(int status);

// How long to wait before try number `failures` + 1: doubling from the first wait, never more than the
// longest, times a jitter between 0.9 and 1.1 (`random` is 0 to 1).
std::chrono::milliseconds backoff(const Patience& patience, int failures, double random);

class Retry {
 public:
  // `what` names the request in the error ("GET the manifest of x from y").
  Retry(const Patience& patience, std::string what) : patience_(patience), what_(std::move(what)) {}
  // Fewer tries when no connection can be made at all.
  void limit_unreachable(int tries) { unreachable_tries_ = tries; }

  // After a failed exchange: waits and returns, or gives the error that lists every answer. An answer that
  // asks for more patience than we have is an error at once, which says when to come again.
  Status next(const Exchange& exchange);
  // How many bytes of the transfer are safely over. A mebibyte more than ever before: the count of tries
  // starts again, and nothing is waited for. What is sent again and again is no progress.
  void reached(std::uint64_t bytes);

 private:
  [[nodiscard]] Error give_up(const Exchange& exchange) const;

  Patience patience_;
  std::string what_;
  int failures_ = 0;
  int unreachable_ = 0;
  int unreachable_tries_ = 3;
  bool free_try_ = false;
  std::uint64_t reached_ = 0;  // when the count was last started again
  std::vector<std::string> answers_;
};

}  // namespace shale::registry
