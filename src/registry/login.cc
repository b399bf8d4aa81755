// SPDX-License-Identifier: Apache-2.0
#include "registry/login.h"

#include "registry/fetch_process.h"

namespace shale::registry {

Status check_login(const std::string& registry, const Credential& login, const NetworkOptions& network,
                   const std::function<void(std::string)>& warn) {
  ASSIGN_OR_RETURN(FetchProcess process, FetchProcess::start("login", {{"registry", registry},
                                                                       {"user", login.user},
                                                                       {"password", login.password},
                                                                       {"network", to_json(network)}}));
  while (!process.finished()) {
    ASSIGN_OR_RETURN(const Json event, process.wait_next());
    if (json_string(event, "type") == "warning") warn(json_string(event, "text"));
  }
  return {};
}

}  // namespace shale::registry
