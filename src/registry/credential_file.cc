// SPDX-License-Identifier: Apache-2.0
#include "registry/credential_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/file.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "base/path.h"
#include "sys/files.h"

namespace shale::registry {

namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kDirectoryMode = 0700;
constexpr std::string_view kRemedy = "set DOCKER_CONFIG to a directory of yours";

// What a link leads to: a file that is kept elsewhere stays a link here.
std::string behind_links(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  return real ? real.get() : path;
}

// The login file, held against others of us while it is changed.
class LoginFile {
 public:
  // Without its directory it is empty, and cannot be written.
  static Result<LoginFile> open() {
    LoginFile out;
    ASSIGN_OR_RETURN(out.name_, login_file());
    out.path_ = behind_links(out.name_);
    Result<UniqueFd> directory = sys::open_at(AT_FDCWD, host_directory_of(out.path_), O_RDONLY | O_DIRECTORY);
    if (!directory && directory.error().kind() == ErrorKind::kNotFound) return out;
    if (!directory) return fail(std::move(directory.error()));
    out.lock_ = std::move(*directory);
    // The directory, as the file itself is replaced. Where nothing can be locked, nobody else is waited for.
    while (::flock(out.lock_.get(), LOCK_EX) != 0 && errno == EINTR) {
    }
    Result<std::string> text = sys::read_file(AT_FDCWD, out.path_, kMaxCredentialFileBytes);
    if (!text && text.error().kind() != ErrorKind::kNotFound) return fail(std::move(text.error()));
    if (!text || text->find_first_not_of(" \t\r\n") == std::string::npos) return out;
    ASSIGN_OR_RETURN(out.json_, parse_json(*text, fmt::format("'{}'", out.name_)));
    if (!out.json_.is_object())
      return fail(Error(ErrorKind::kUsage, fmt::format("'{}' is not a JSON object", out.name_))
                      .hint("mend it or remove it; docker and podman cannot read it either"));
    return out;
  }

  [[nodiscard]] const std::string& name() const { return name_; }
  Json& json() { return json_; }
  // As docker writes it: indented by tabs.
  [[nodiscard]] Status write() const {
    return sys::replace_file(AT_FDCWD, path_,
                             json_.dump(1, '\t', false, Json::error_handler_t::replace) + "\n", kFileMode);
  }

 private:
  std::string name_;  // as the user knows it
  std::string path_;
  UniqueFd lock_;
  Json json_ = Json::object();
};

}  // namespace

Result<std::string> login_file() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (std::string file = variable("REGISTRY_AUTH_FILE"); !file.empty()) return file;
  if (const std::string directory = variable("DOCKER_CONFIG"); !directory.empty())
    return directory + "/config.json";
  if (const std::string home = variable("HOME"); !home.empty()) return home + "/.docker/config.json";
  return fail(
      Error(ErrorKind::kUsage, "there is no place for logins: HOME is not set").hint(std::string(kRemedy)));
}

Status put_login(Json& file, std::string_view registry, const Credential& login) {
  Json& auths = file["auths"];
  if (auths.is_null()) auths = Json::object();
  if (!auths.is_object()) return fail(ErrorKind::kUsage, "its 'auths' is not a JSON object");
  (void)remove_login(file, registry);  // under another form of its name
  Json entry = Json::object();
  if (!login.empty()) entry["auth"] = base64_encode(login.user + ":" + login.password);
  file["auths"][login_key(registry)] = std::move(entry);
  return {};
}

bool remove_login(Json& file, std::string_view registry) {
  const auto auths = file.find("auths");
  if (auths == file.end() || !auths->is_object()) return false;
  bool found = false;
  for (auto entry = auths->begin(); entry != auths->end();) {
    const bool its = normal_login_key(entry.key()) == registry;
    found = found || its;
    entry = its ? auths->erase(entry) : std::next(entry);
  }
  return found;
}

Result<std::string> keep_login(std::string_view registry, const Credential& login) {
  ASSIGN_OR_RETURN(const std::string path, login_file());
  if (Status made = sys::make_dir(AT_FDCWD, host_directory_of(behind_links(path)), kDirectoryMode, true);
      !made)
    return fail(std::move(made.error()).hint(std::string(kRemedy)));
  ASSIGN_OR_RETURN(LoginFile file, LoginFile::open());
  const auto in_file = [&](Error error) {
    return std::move(error).context(fmt::format("in '{}'", file.name()));
  };
  Result<std::string> helper = credential_helper(file.json(), registry);
  if (!helper) return fail(in_file(std::move(helper.error())));
  std::string where = fmt::format("in '{}'", file.name());
  if (!helper->empty()) {
    RETURN_IF_ERROR(give_to_credential_helper(*helper, login_key(registry), login));
    where = fmt::format("by docker-credential-{}", *helper);
  }
  if (Status put = put_login(file.json(), registry, helper->empty() ? login : Credential{}); !put)
    return fail(in_file(std::move(put.error())));
  RETURN_IF_ERROR(file.write());
  return where;
}

Result<std::optional<std::string>> forget_login(std::string_view registry) {
  ASSIGN_OR_RETURN(LoginFile file, LoginFile::open());
  std::optional<std::string> where;
  Result<std::string> helper = credential_helper(file.json(), registry);
  if (!helper) return fail(std::move(helper.error()).context(fmt::format("in '{}'", file.name())));
  if (!helper->empty()) {
    ASSIGN_OR_RETURN(const Credential kept, ask_credential_helper(*helper, login_key(registry)));
    if (!kept.empty()) {
      RETURN_IF_ERROR(erase_from_credential_helper(*helper, login_key(registry)));
      where = fmt::format("by docker-credential-{}", *helper);
    }
  }
  if (remove_login(file.json(), registry)) {
    RETURN_IF_ERROR(file.write());
    if (!where) where = fmt::format("in '{}'", file.name());
  }
  return where;
}

}  // namespace shale::registry
