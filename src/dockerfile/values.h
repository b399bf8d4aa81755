// SPDX-License-Identifier: Apache-2.0
// Values: the small languages inside instructions: durations, ports, signals.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shale/error.h"

namespace shale::dockerfile {

// Go's time.ParseDuration ("1h30m", "1.5s", "100ms", "0") in nanoseconds.
Result<std::int64_t> parse_duration(std::string_view text);

// The words of EXPOSE after expansion → "80/tcp", sorted, ranges written out, protocol in lower case, each
// once.
Result<std::vector<std::string>> parse_ports(const std::vector<std::string>& words);

// One word of EXPOSE, taken apart for lint: "127.0.0.1:80:8080/TCP".
struct PortWord {
  std::string ip;
  std::string host_port;
  std::string container_port;  // "80" or "80-90"
  std::string protocol;        // as written; "" = not given
};
PortWord split_port(std::string_view word);

// A signal's number for "SIGTERM", "term", "15", "SIGRTMIN+3". Every number but 0 is taken for one.
Result<int> parse_signal(std::string_view text);

// Go's strconv.ParseBool: 1 t T true TRUE True and their opposites.
Result<bool> parse_bool(std::string_view text);

// Bytes of "64m", "1GiB", "512" (units b k m g t, with or without i and b; 1024 each).
Result<std::uint64_t> parse_size(std::string_view text);

// One row of comma-separated fields, quotes as in CSV.
Result<std::vector<std::string>> parse_csv(std::string_view text);

}  // namespace shale::dockerfile
