// SPDX-License-Identifier: Apache-2.0
// What every network command has in common: how patient it is, and which registries may be spoken to without
// TLS.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/json.h"

namespace shale::registry {

// How long a command goes on trying. The defaults are what a user wants; tests make them shorter.
struct Patience {
  int tries = 5;  // per request, for 429, 5xx and broken connections without progress
  std::chrono::milliseconds first_wait{1000};      // doubles with each try, ± 10 %
  std::chrono::milliseconds longest_wait{60'000};  // also the longest Retry-After that is obeyed
  std::chrono::seconds connect_timeout{30};
  std::chrono::seconds stall_timeout{30};  // less than 1 KiB/s for this long = a broken connection
};

// Plain data. Everything else comes from the environment the helper inherits: HTTPS_PROXY, HTTP_PROXY,
// NO_PROXY, SSL_CERT_FILE, CURL_CA_BUNDLE, SSL_CERT_DIR, DOCKER_CONFIG, REGISTRY_AUTH_FILE,
// SHALE_REGISTRY_MIRRORS (mirror.h), SHALE_INSECURE_REGISTRIES (below).
struct NetworkOptions {
  // "host[:port]" of registries that may be spoken to in plain HTTP or with a certificate nobody vouches for.
  // Loopback registries need not be named: HTTPS is tried, then plain HTTP.
  std::vector<std::string> insecure_registries;
  Patience patience;
};

// How the options travel to the helper. It adds the registries of SHALE_INSECURE_REGISTRIES, "host[:port]"
// with commas between them, to those it is given.
Json to_json(const NetworkOptions& options);
NetworkOptions network_options_from(const Json& json);

}  // namespace shale::registry
