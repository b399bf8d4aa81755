// SPDX-License-Identifier: Apache-2.0
// shale login and logout.
#include "shale/login.h"

#include <fmt/format.h>

#include <algorithm>

#include "image/reference.h"
#include "registry/credential_file.h"
#include "registry/login.h"

namespace shale {

Result<std::string> login_registry(std::string_view text) {
  for (const std::string_view scheme : {"https://", "http://"})
    if (text.starts_with(scheme)) text.remove_prefix(scheme.size());
  text = text.substr(0, text.find('/'));
  if (text.empty()) return "docker.io";
  std::string name = registry::normal_login_key(text);
  RETURN_IF_ERROR(image::check_registry(name));
  return name;
}

Result<std::string> log_in(const Login& login, const std::function<void(std::string)>& warn) {
  registry::Credential credential;
  credential.user = login.user;
  credential.password = login.password;
  RETURN_IF_ERROR(registry::check_login(login.registry, credential, {}, warn));
  ASSIGN_OR_RETURN(std::string where, registry::keep_login(login.registry, credential));
  ASSIGN_OR_RETURN(const std::string own, registry::login_file());
  const std::vector<std::string> others = registry::files_with_login(login.registry);
  for (const std::string& path : registry::credential_files()) {
    if (path == own) break;
    if (std::ranges::find(others, path) != others.end())
      warn(fmt::format("'{}' has a login at {}, too, and is asked first: 'podman logout {}' removes it", path,
                       login.registry, login.registry));
  }
  return where;
}

Result<ForgottenLogin> log_out(const std::string& registry) {
  ForgottenLogin out;
  ASSIGN_OR_RETURN(out.was, registry::forget_login(registry));
  out.still_in = registry::files_with_login(registry);
  return out;
}

}  // namespace shale
