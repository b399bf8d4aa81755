// SPDX-License-Identifier: Apache-2.0
// The commands of shale-fetch. Each reads its specification, works, and writes events; the last one, "done",
// is its own.
#pragma once

#include <atomic>
#include <functional>

#include "registry/event_writer.h"
#include "registry/http_client.h"

namespace shale::registry {

Status run_pull(const Json& json, EventWriter& events);
Status run_push(const Json& spec, EventWriter& events);
Status run_get(const Json& json, EventWriter& events);
Status run_login(const Json& spec, EventWriter& events);

// Runs work(0) … work(count - 1) on up to `threads` threads, each with its own client. After a failure no
// further item is begun, those that run come to their end (what they fetched is of use to the next run), and
// the first error is returned.
Status for_each_parallel(std::size_t count, int threads,
                         const std::function<Status(std::size_t, HttpClient&)>& work);

}  // namespace shale::registry
