// SPDX-License-Identifier: Apache-2.0
#include "registry/options.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace shale::registry {

namespace {

void add_insecure_of_environment(NetworkOptions& options) {
  const char* value = std::getenv("SHALE_INSECURE_REGISTRIES");
  std::string_view rest = value == nullptr ? std::string_view() : std::string_view(value);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    if (end > 0) options.insecure_registries.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

}  // namespace

Json to_json(const NetworkOptions& options) {
  const Patience& patience = options.patience;
  return {{"insecure", options.insecure_registries},
          {"tries", patience.tries},
          {"first_wait_ms", static_cast<std::int64_t>(patience.first_wait.count())},
          {"longest_wait_ms", static_cast<std::int64_t>(patience.longest_wait.count())},
          {"connect_timeout_s", static_cast<std::int64_t>(patience.connect_timeout.count())},
          {"stall_timeout_s", static_cast<std::int64_t>(patience.stall_timeout.count())}};
}

NetworkOptions network_options_from(const Json& json) {
  NetworkOptions options;
  if (const Json* names = json_member(json, "insecure"); names != nullptr && names->is_array())
    for (const Json& name : *names)
      if (name.is_string()) options.insecure_registries.push_back(name.get<std::string>());
  add_insecure_of_environment(options);
  Patience& patience = options.patience;
  patience.tries = static_cast<int>(json_int(json, "tries", patience.tries));
  patience.first_wait =
      std::chrono::milliseconds(json_int(json, "first_wait_ms", patience.first_wait.count()));
  patience.longest_wait =
      std::chrono::milliseconds(json_int(json, "longest_wait_ms", patience.longest_wait.count()));
  patience.connect_timeout =
      std::chrono::seconds(json_int(json, "connect_timeout_s", patience.connect_timeout.count()));
  patience.stall_timeout =
      std::chrono::seconds(json_int(json, "stall_timeout_s", patience.stall_timeout.count()));
  return options;
}

}  // namespace shale::registry
