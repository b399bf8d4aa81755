// SPDX-License-Identifier: Apache-2.0
// The protocol of docker's credential helpers: the registry's name on standard input, one JSON object on
// standard output.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>

#include "registry/credentials.h"
#include "registry/header_fields.h"
#include "sys/files.h"
#include "sys/process.h"

namespace shale::registry {

namespace {

constexpr std::size_t kMaxAnswerBytes = std::size_t{1} << 20;
constexpr std::chrono::seconds kTimeLimit{30};  // a keyring that waits for a person gives up sooner
constexpr int kEndMilliseconds = 5000;

// What the program wrote until it closed its output.
Result<std::string> read_answer(int fd, const std::string& name) {
  const auto deadline = std::chrono::steady_clock::now() + kTimeLimit;
  std::string answer;
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    struct pollfd item{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = left.count() <= 0 ? 0 : ::poll(&item, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0)
      return fail(ErrorKind::kSystem, fmt::format("{} did not answer within {} s", name, kTimeLimit.count()));
    char buffer[4096];
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, fmt::format("read the answer of {}", name));
    if (got == 0) return answer;
    answer.append(buffer, static_cast<std::size_t>(got));
    if (answer.size() > kMaxAnswerBytes)
      return fail(ErrorKind::kSystem, fmt::format("{} answered with more than 1 MiB", name));
  }
}

// What a helper said, and whether it did what it was asked to.
struct Answer {
  std::string text;
  sys::ExitStatus status;
  bool ok = false;
  // Why not, without what could be a secret: an object is what it answers with when it succeeds.
  [[nodiscard]] Error error(std::string_view program) const {
    std::string problem = fmt::format("{} ended with status {}", program, status.shell_code());
    if (!text.starts_with('{')) problem += fmt::format(": {}", printable(text, 200));
    return Error(ErrorKind::kSystem, std::move(problem));
  }
};

std::string program_of(const std::string& name) { return "docker-credential-" + name; }

Result<Answer> run_helper(const std::string& name, const char* verb, std::string_view input) {
  const std::string program_name = program_of(name);
  const std::string program = sys::find_program(program_name);
  if (program.empty())
    return fail(
        Error(ErrorKind::kNotFound, fmt::format("the credential helper '{}' is not in PATH", program_name))
            .hint("docker's config.json asks for it: install it, or remove credsStore/credHelpers there"));
  ASSIGN_OR_RETURN(const UniqueFd given, sys::sealed_memfd("credential-input", input));
  ASSIGN_OR_RETURN(FdPair output, sys::make_pipe());
  ASSIGN_OR_RETURN(const UniqueFd null, sys::open_at(AT_FDCWD, "/dev/null", O_WRONLY));
  sys::SpawnOptions options;
  options.program = program;
  options.args = {program_name, verb};
  options.fds = {{given.get(), 0}, {output.second.get(), 1}, {null.get(), 2}};
  ASSIGN_OR_RETURN(sys::ChildProcess child, sys::spawn(options));
  output.second.reset();
  Answer answer;
  ASSIGN_OR_RETURN(answer.text, read_answer(output.first.get(), program_name));
  output.first.reset();
  // It closed its output, so it is about to end; a pidfd tells when.
  struct pollfd ended{.fd = child.pidfd(), .events = POLLIN, .revents = 0};
  const bool stays = ::poll(&ended, 1, kEndMilliseconds) <= 0;
  if (stays) (void)child.send_signal(SIGKILL);  // it has said what it had to say
  ASSIGN_OR_RETURN(answer.status, child.wait());
  answer.ok = answer.status.ok() || stays;
  return answer;
}

// The protocol's way to say "I know nothing about that registry"; the wording is part of it.
bool knows_nothing(std::string_view answer) {
  return answer.find("not found") != std::string::npos || answer.find("no credentials") != std::string::npos;
}

}  // namespace

Status give_to_credential_helper(const std::string& name, const std::string& key, const Credential& login) {
  const Json entry = {{"ServerURL", key}, {"Username", login.user}, {"Secret", login.password}};
  ASSIGN_OR_RETURN(const Answer answer, run_helper(name, "store", dump_json(entry)));
  if (answer.ok) return {};
  return fail(answer.error(program_of(name)));
}

Status erase_from_credential_helper(const std::string& name, const std::string& key) {
  ASSIGN_OR_RETURN(const Answer answer, run_helper(name, "erase", key));
  if (answer.ok || knows_nothing(answer.text)) return {};
  return fail(answer.error(program_of(name)));
}

Result<Credential> ask_credential_helper(const std::string& name, const std::string& key) {
  ASSIGN_OR_RETURN(const Answer answer, run_helper(name, "get", key));
  if (!answer.ok) {
    if (knows_nothing(answer.text)) return Credential{};
    return fail(answer.error(program_of(name)));
  }
  const Result<Json> json = parse_json(answer.text, "its answer");
  if (!json || !json->is_object())  // the parser's message could quote a secret
    return fail(ErrorKind::kSystem,
                fmt::format("{} answered with something other than a JSON object", program_of(name)));
  Credential credential;
  const std::string user = json_string(*json, "Username");
  const std::string secret = json_string(*json, "Secret");
  if (user == "<token>") {
    credential.identity_token = secret;
  } else {
    credential.user = user;
    credential.password = secret;
  }
  return credential;
}

}  // namespace shale::registry
