// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "image/reference.h"
#include "registry/commands.h"
#include "registry/session.h"

namespace shale::registry {

Status run_login(const Json& spec, EventWriter& events) {
  const std::string registry = json_string(spec, "registry");
  RETURN_IF_ERROR(image::check_registry(registry));
  NetworkOptions network;
  if (const Json* json = json_member(spec, "network")) network = network_options_from(*json);
  Place place = places_of({.registry = registry, .repository = {}, .tag = {}, .digest = {}}, {}).back();
  Credential login;
  login.user = json_string(spec, "user");
  login.password = json_string(spec, "password");
  Session session(std::move(place), {.registry = registry, .login = std::move(login)}, network, events);
  HttpClient client;
  const std::string what = fmt::format("log in to {}", registry);
  ASSIGN_OR_RETURN(const HttpResponse response, session.request(client, {}, what));
  if (response.status == 200) {
    events.write({{"type", "done"}});
    return {};
  }
  if (response.status == 404)
    return fail(Error(ErrorKind::kRegistry, fmt::format("{}: it does not answer as a registry does", what))
                    .hint("give the registry's own name, as it stands before the first '/' of its images"));
  return fail(session.refusal(response, what));
}

}  // namespace shale::registry
