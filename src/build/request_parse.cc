// SPDX-License-Identifier: Apache-2.0
// --secret and --ssh, as docker reads them.
#include <fmt/format.h>

#include <cstdlib>

#include "build/option_fields.h"
#include "shale/build.h"

namespace shale {

using namespace build;  // NOLINT(google-build-using-namespace): the public functions are that room's

Result<SshSpec> SshSpec::parse(const std::string& text) {
  const std::size_t equals = text.find('=');
  SshSpec spec{.id = text.substr(0, equals), .paths = {}};
  if (spec.id.empty()) spec.id = "default";
  if (equals == std::string::npos) return spec;
  ASSIGN_OR_RETURN(spec.paths, split_csv("ssh", std::string_view(text).substr(equals + 1)));
  for (const std::string& path : spec.paths)
    if (path.empty())
      return fail(option_error("ssh", text, "a path is empty")
                      .hint("write default, ID=SOCKET or ID=KEY with the file of a private key"));
  return spec;
}

Result<SecretSpec> SecretSpec::parse(const std::string& text) {
  ASSIGN_OR_RETURN(const std::vector<std::string> fields, split_csv("secret", text));
  SecretSpec spec;
  std::string type;
  for (const std::string& field : fields) {
    ASSIGN_OR_RETURN(OptionField pair, split_field("secret", text, field));
    if (pair.key == "id")
      spec.id = std::move(pair.value);
    else if (pair.key == "src" || pair.key == "source")
      spec.file = std::move(pair.value);
    else if (pair.key == "env")
      spec.environment = std::move(pair.value);
    else if (pair.key == "type")
      type = std::move(pair.value);
    else
      return fail(option_error("secret", text, fmt::format("unknown key '{}'", pair.key))
                      .hint("the keys are id, src, env and type"));
  }
  if (spec.id.empty()) return fail(option_error("secret", text, "id= is missing"));
  if (!type.empty() && type != "file" && type != "env")
    return fail(option_error("secret", text, fmt::format("unknown type '{}'", type))
                    .hint("the types are file and env"));
  if (type == "env" && spec.environment.empty()) std::swap(spec.environment, spec.file);
  if (!spec.environment.empty() && !spec.file.empty())
    return fail(option_error("secret", text, "src= and env= exclude each other"));
  // With neither, docker takes the variable of that name if it is set, else the file of that name.
  if (spec.environment.empty() && spec.file.empty())
    (std::getenv(spec.id.c_str()) != nullptr ? spec.environment : spec.file) = spec.id;
  return spec;
}

}  // namespace shale
