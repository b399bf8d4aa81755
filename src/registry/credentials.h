// SPDX-License-Identifier: Apache-2.0
// Credentials: who the user is at a registry, as docker's and podman's logins have recorded it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "shale/error.h"

namespace shale::registry {

// Either a user and password, an identity token (to be exchanged at the token server), or a token of the
// registry.
struct Credential {
  std::string user;
  std::string password;
  std::string identity_token;
  std::string registry_token;
  [[nodiscard]] bool empty() const {
    return user.empty() && password.empty() && identity_token.empty() && registry_token.empty();
  }
  bool operator==(const Credential&) const = default;
};

// One file of logins and what it says: an entry, or a program to ask.
struct CredentialLookup {
  std::optional<Credential> credential;
  std::string helper;      // name behind "docker-credential-"
  std::string helper_key;  // what the helper calls the registry
};

// Looks `registry` ("docker.io", "host:5000") and `repository` up in the text of one file: credHelpers, then
// auths by the longest matching prefix of registry/repository, then credsStore. Pure. A helper's name other
// than [A-Za-z0-9_-]+ is an error: it becomes part of a program's name.
Result<CredentialLookup> lookup_credential(const Json& file, std::string_view registry,
                                           std::string_view repository);

// The helper that the file names for logins at a registry; "" if it names none.
Result<std::string> credential_helper(const Json& file, std::string_view registry);

// A key of a login as we know registries: "https://host/v1/" is "host", docker.io's other names are
// "docker.io"; and the key that docker writes for a registry.
std::string normal_login_key(std::string_view key);
std::string login_key(std::string_view registry);

// No such file holds more.
inline constexpr std::size_t kMaxCredentialFileBytes = std::size_t{1} << 20;

// base64 (RFC 4648, padded or not); nullopt for anything else.
std::optional<std::string> base64_decode(std::string_view text);
std::string base64_encode(std::string_view bytes);

// Runs docker-credential-<name> get: at most 30 s and 1 MiB of answer. An empty credential when it knows
// none. Its messages are quoted in errors, its secrets are not.
Result<Credential> ask_credential_helper(const std::string& name, const std::string& key);
// The same with "store" and "erase".
Status give_to_credential_helper(const std::string& name, const std::string& key, const Credential& login);
Status erase_from_credential_helper(const std::string& name, const std::string& key);

// The files in the order they are asked: $REGISTRY_AUTH_FILE, $DOCKER_CONFIG/config.json,
// $XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json, ~/.docker/config.json.
std::vector<std::string> credential_files();

// The first credential that any file or its helper has; an empty one when there is none. `warn` gets
// sentences about files that others can read or that make no sense.
Result<Credential> find_credential(std::string_view registry, std::string_view repository,
                                   const std::function<void(std::string)>& warn);

// Those of the files that hold a login of the registry themselves.
std::vector<std::string> files_with_login(std::string_view registry);

}  // namespace shale::registry
