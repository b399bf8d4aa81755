// SPDX-License-Identifier: Apache-2.0
// Logins at registries, kept where docker keeps them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shale/error.h"

namespace shale {

// The registry that is meant: "" is docker.io; "https://host:5000/v2/" and "host:5000/team" are "host:5000".
Result<std::string> login_registry(std::string_view text);

struct Login {
  std::string registry;  // by login_registry()
  std::string user;
  std::string password;
};

// Asks the registry whether it takes the login, and if so keeps it where pulls and pushes look, docker's too.
// Returns where that is, for people ("in '/home/me/.docker/config.json'"). `warn` gets what else there is to
// say.
Result<std::string> log_in(const Login& login, const std::function<void(std::string)>& warn);

struct ForgottenLogin {
  std::optional<std::string> was;     // where, as log_in() says it; nullopt = there was none
  std::vector<std::string> still_in;  // other files (podman's) with a login of this registry
};
Result<ForgottenLogin> log_out(const std::string& registry);

}  // namespace shale
