// SPDX-License-Identifier: Apache-2.0
#include "registry/credentials.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <nettle/base64.h>

#include <algorithm>
#include <cstdlib>

#include "sys/files.h"

namespace shale::registry {

namespace {

constexpr std::string_view kDockerHub = "docker.io";
constexpr const char* kDockerHubKey = "https://index.docker.io/v1/";  // what docker login writes

// A key matches the whole name or a prefix of it that ends before a slash.
bool covers(std::string_view key, std::string_view name) {
  return name.starts_with(key) && (name.size() == key.size() || name[key.size()] == '/');
}

Result<Credential> read_entry(const Json& entry, std::string_view key) {
  Credential out;
  out.identity_token = json_string(entry, "identitytoken");
  out.registry_token = json_string(entry, "registrytoken");
  out.user = json_string(entry, "username");
  out.password = json_string(entry, "password");
  const std::string auth = json_string(entry, "auth");
  if (!auth.empty()) {
    const std::optional<std::string> text = base64_decode(auth);
    const std::size_t colon = text ? text->find(':') : std::string::npos;
    if (colon == std::string::npos)
      return fail(ErrorKind::kUsage, fmt::format("the 'auth' of '{}' is not base64 of user:password", key));
    out.user = text->substr(0, colon);
    out.password = text->substr(colon + 1);
    while (out.password.ends_with('\0')) out.password.pop_back();  // old logins padded with NUL
  }
  return out;
}

bool is_helper_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

Status check_helper_name(const std::string& name) {
  if (is_helper_name(name)) return {};
  return fail(
      Error(ErrorKind::kUsage, fmt::format("credential helper name '{}' has other characters than letters, "
                                           "digits, '_' and '-'",
                                           dump_json(Json(name.substr(0, 80)))))
          .hint("the name stands behind 'docker-credential-' and is never a path"));
}

// The helper for a name "registry/repository", by the longest key that covers it; "" if there is none.
Result<std::string> helper_of_name(const Json& file, std::string_view name) {
  std::string out;
  const Json* helpers = json_member(file, "credHelpers");
  if (helpers == nullptr || !helpers->is_object()) return out;
  std::size_t best = 0;
  for (const auto& [key, value] : helpers->items()) {
    const std::string normal = normal_login_key(key);
    if (!covers(normal, name) || normal.size() < best || !value.is_string()) continue;
    best = normal.size();
    out = value.get<std::string>();
    RETURN_IF_ERROR(check_helper_name(out));
  }
  return out;
}

// The helper for everything else; "" if there is none.
Result<std::string> common_helper(const Json& file) {
  std::string out = json_string(file, "credsStore");
  if (!out.empty()) RETURN_IF_ERROR(check_helper_name(out));
  return out;
}

std::string env(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::optional<std::string> base64_decode(std::string_view text) {
  std::string padded(text);
  while (padded.size() % 4 != 0 && !padded.ends_with("==")) padded += '=';
  base64_decode_ctx context;
  base64_decode_init(&context);
  std::string out(BASE64_DECODE_LENGTH(padded.size()), '\0');
  std::size_t size = out.size();
  if (base64_decode_update(&context, &size, reinterpret_cast<std::uint8_t*>(out.data()), padded.size(),
                           padded.data()) != 1 ||
      base64_decode_final(&context) != 1)
    return std::nullopt;
  out.resize(size);
  return out;
}

std::string base64_encode(std::string_view bytes) {
  std::string out(BASE64_ENCODE_RAW_LENGTH(bytes.size()), '\0');
  base64_encode_raw(out.data(), bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
  return out;
}

Result<CredentialLookup> lookup_credential(const Json& file, std::string_view registry,
                                           std::string_view repository) {
  CredentialLookup out;
  const std::string name = fmt::format("{}/{}", registry, repository);
  out.helper_key = login_key(registry);
  ASSIGN_OR_RETURN(out.helper, helper_of_name(file, name));
  if (!out.helper.empty()) return out;
  if (const Json* auths = json_member(file, "auths"); auths != nullptr && auths->is_object()) {
    std::size_t best = 0;
    for (const auto& [key, value] : auths->items()) {
      const std::string normal = normal_login_key(key);
      if (normal.empty() || !covers(normal, name) || normal.size() < best) continue;
      ASSIGN_OR_RETURN(Credential credential, read_entry(value, key));
      if (credential.empty()) continue;  // docker leaves {} where a helper holds the secret
      best = normal.size();
      out.credential = std::move(credential);
    }
    if (out.credential) return out;
  }
  ASSIGN_OR_RETURN(out.helper, common_helper(file));
  return out;
}

Result<std::string> credential_helper(const Json& file, std::string_view registry) {
  ASSIGN_OR_RETURN(std::string own, helper_of_name(file, registry));
  if (!own.empty()) return own;
  return common_helper(file);
}

std::string normal_login_key(std::string_view key) {
  for (std::string_view scheme : {"https://", "http://"})
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  while (key.ends_with('/')) key.remove_suffix(1);
  for (std::string_view version : {"/v1", "/v2"})
    if (key.ends_with(version)) key.remove_suffix(version.size());
  std::string out(key);
  for (std::string_view alias : {"index.docker.io", "registry-1.docker.io"})
    if (out == alias || out.starts_with(std::string(alias) + "/")) out.replace(0, alias.size(), kDockerHub);
  return out;
}

std::string login_key(std::string_view registry) {
  return registry == kDockerHub ? kDockerHubKey : std::string(registry);
}

std::vector<std::string> credential_files() {
  std::vector<std::string> files;
  const auto add = [&](const char* variable, std::string_view name) {
    if (const std::string value = env(variable); !value.empty())
      files.push_back(fmt::format("{}{}", value, name));
  };
  add("REGISTRY_AUTH_FILE", "");
  add("DOCKER_CONFIG", "/config.json");
  add("XDG_RUNTIME_DIR", "/containers/auth.json");
  if (!env("XDG_CONFIG_HOME").empty())
    add("XDG_CONFIG_HOME", "/containers/auth.json");
  else
    add("HOME", "/.config/containers/auth.json");
  if (env("DOCKER_CONFIG").empty()) add("HOME", "/.docker/config.json");
  return files;
}

namespace {

struct ReadFile {
  Json json;
  bool others_can_read = false;
};

// nullopt for one that is not there, is empty, or is none; `warn` hears of the last.
Result<std::optional<ReadFile>> read_credential_file(const std::string& path,
                                                     const std::function<void(std::string)>& warn) {
  Result<UniqueFd> fd = sys::open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd) {
    if (fd.error().kind() != ErrorKind::kNotFound) warn(fd.error().to_line());
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(const struct stat info, sys::stat_fd(fd->get()));
  if (!S_ISREG(info.st_mode)) {
    warn(fmt::format("'{}' is not a regular file; the logins in it are not used", path));
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(const std::string text, sys::read_fd(fd->get(), path, kMaxCredentialFileBytes));
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return std::nullopt;
  ReadFile out{.others_can_read = (info.st_mode & S_IROTH) != 0};
  ASSIGN_OR_RETURN(out.json, parse_json(text, fmt::format("'{}'", path)));
  return out;
}

}  // namespace

Result<Credential> find_credential(std::string_view registry, std::string_view repository,
                                   const std::function<void(std::string)>& warn) {
  for (const std::string& path : credential_files()) {
    ASSIGN_OR_RETURN(const std::optional<ReadFile> file, read_credential_file(path, warn));
    if (!file) continue;
    Result<CredentialLookup> found = lookup_credential(file->json, registry, repository);
    if (!found) return fail(std::move(found.error()).context(fmt::format("in '{}'", path)));
    if (found->credential) {
      if (file->others_can_read)
        warn(fmt::format("everyone on this machine can read the passwords in '{}': chmod 600 it", path));
      return *found->credential;
    }
    if (!found->helper.empty()) {
      ASSIGN_OR_RETURN(Credential credential, ask_credential_helper(found->helper, found->helper_key));
      if (!credential.empty()) return credential;
    }
  }
  return Credential{};
}

std::vector<std::string> files_with_login(std::string_view registry) {
  std::vector<std::string> out;
  for (const std::string& path : credential_files()) {
    const Result<std::optional<ReadFile>> file = read_credential_file(path, [](const std::string&) {});
    if (!file || !*file) continue;
    const Result<CredentialLookup> found = lookup_credential((*file)->json, registry, "");
    if (found && found->credential) out.push_back(path);
  }
  return out;
}

}  // namespace shale::registry
