// SPDX-License-Identifier: Apache-2.0
// Asking a registry whether it takes a login, in a helper process.
#pragma once

#include <functional>
#include <string>

#include "registry/credentials.h"
#include "registry/options.h"

namespace shale::registry {

// Waits for the registry's answer; an error if it does not take the login, or is none. `warn` gets what else
// there is to say. See FetchProcess for who may call it.
Status check_login(const std::string& registry, const Credential& login, const NetworkOptions& network,
                   const std::function<void(std::string)>& warn);

}  // namespace shale::registry
