// SPDX-License-Identifier: Apache-2.0
#include "registry/options.h"

namespace shale::registry {

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
