// SPDX-License-Identifier: Apache-2.0
// The file in which a login is kept, in the form that docker's own login gives it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "registry/credentials.h"

namespace shale::registry {

// Where a login goes: $REGISTRY_AUTH_FILE, else $DOCKER_CONFIG/config.json, else ~/.docker/config.json.
Result<std::string> login_file();

// `file` with the login of `registry` ("docker.io", "host:5000"), or without it; all else in it stays. With
// an empty credential the entry says only that somebody else has it, as docker's does beside a helper. Pure.
Status put_login(Json& file, std::string_view registry, const Credential& login);
// False if there was none. Logins for parts of a registry (podman's "host/team") are left alone.
bool remove_login(Json& file, std::string_view registry);

// Gives the login to the credential helper that the file names for the registry, else writes it into the
// file, which nobody but its user may read then. Returns where it is, for people. Two callers at once do not
// undo each other's.
Result<std::string> keep_login(std::string_view registry, const Credential& login);
// Undoes that. Returns where the login was; nullopt if there was none.
Result<std::optional<std::string>> forget_login(std::string_view registry);

}  // namespace shale::registry
