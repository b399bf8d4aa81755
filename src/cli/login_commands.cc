// SPDX-License-Identifier: Apache-2.0
// shale login and logout.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "cli/commands.h"
#include "cli/display_text.h"
#include "cli/prompt.h"
#include "cli/terminal.h"
#include "shale/login.h"

namespace shale::cli {

namespace {

std::string registry_argument(const CommandLine& line) {
  return line.arguments.empty() ? std::string() : line.arguments[0];
}

// All of standard input, without the line end that echo and files have.
Result<std::string> secret_from_input() {
  constexpr std::size_t kLimit = 64 * 1024;
  std::string secret;
  char buffer[4096];
  for (;;) {
    const ssize_t got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read the password from standard input");
    if (got == 0) break;
    secret.append(buffer, static_cast<std::size_t>(got));
    if (secret.size() > kLimit)
      return fail(ErrorKind::kUsage, "standard input holds more than 64 KiB, which is no password");
  }
  if (secret.ends_with('\n')) secret.pop_back();
  if (secret.ends_with('\r')) secret.pop_back();
  return secret;
}

Status check_answerable() {
  if (isatty(STDIN_FILENO) == 1) return {};
  return fail(
      Error(ErrorKind::kUsage, "there is no terminal to ask for a user name and password")
          .hint("write shale login --username USER --password-stdin REGISTRY, and give the password on "
                "standard input"));
}

Result<std::string> password_of(const CommandLine& line) {
  if (line.flag("password-stdin")) return secret_from_input();
  if (line.has("password")) {
    write_stderr("warning: others can see a password in a command line; use --password-stdin\n");
    return line.value("password");
  }
  RETURN_IF_ERROR(check_answerable());
  return ask_secret("Password: ");
}

}  // namespace

Status login_command(const CommandLine& line) {
  if (line.flag("password-stdin") && line.has("password"))
    return fail(ErrorKind::kUsage, "--password and --password-stdin exclude each other");
  if (line.flag("password-stdin") && !line.has("username"))
    return fail(Error(ErrorKind::kUsage, "--password-stdin needs --username")
                    .hint("standard input is the password's then, and nobody can be asked"));
  Login login;
  ASSIGN_OR_RETURN(login.registry, login_registry(registry_argument(line)));
  login.user = line.value("username");
  if (login.user.empty()) {
    RETURN_IF_ERROR(check_answerable());
    ASSIGN_OR_RETURN(login.user, ask("Username: "));
  }
  ASSIGN_OR_RETURN(login.password, password_of(line));
  if (login.user.empty() || login.password.empty())
    return fail(ErrorKind::kUsage, "a login needs a user name and a password, and one of them is empty");
  if (login.user.find(':') != std::string::npos)
    return fail(ErrorKind::kUsage, "a user name cannot hold a ':'");
  ASSIGN_OR_RETURN(const std::string where, log_in(login, [](const std::string& text) {
                     write_stderr(fmt::format("warning: {}\n", escape_controls(text)));
                   }));
  write_stderr(fmt::format("note: the login is kept {}\n", escape_controls(where)));
  return write_stdout("Login Succeeded\n");
}

Status logout_command(const CommandLine& line) {
  ASSIGN_OR_RETURN(const std::string registry, login_registry(registry_argument(line)));
  ASSIGN_OR_RETURN(const ForgottenLogin forgotten, log_out(registry));
  for (const std::string& path : forgotten.still_in)
    write_stderr(fmt::format("note: '{}' still holds a login at {}\n", escape_controls(path), registry));
  return write_stdout(forgotten.was ? fmt::format("Removing login credentials for {}\n", registry)
                                    : fmt::format("Not logged in to {}\n", registry));
}

}  // namespace shale::cli
