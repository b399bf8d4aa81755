// SPDX-License-Identifier: Apache-2.0
#include "remote/ssh_agents.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>

#include "base/last_lines.h"
#include "sys/files.h"

namespace shale::remote {

namespace {

constexpr std::size_t kShownLines = 5;
constexpr std::size_t kMaxMessages = std::size_t{1} << 20;

Error about(const SshSpec& spec, std::string_view why) {
  return {ErrorKind::kUsage, fmt::format("--ssh {}: {}", spec.id, why)};
}

Result<std::string> absolute_path(const SshSpec& spec, const std::string& path) {
  std::array<char, PATH_MAX> real{};
  if (::realpath(path.c_str(), real.data()) == nullptr)
    return fail(Error::system(errno, fmt::format("open '{}' for --ssh {}", path, spec.id)));
  return std::string(real.data());
}

bool is_socket(const std::string& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode);
}

}  // namespace

SshAgents::~SshAgents() {
  for (Agent& agent : agents_) {
    agent.input.reset();
    (void)agent.shell.wait();  // it has nothing to tell
  }
}

Status SshAgents::use(const std::vector<SshSpec>& specs) {
  for (SshSpec spec : specs) {
    if (specs_.contains(spec.id)) return fail(about(spec, "it is given twice"));
    if (spec.paths.empty()) {
      const char* socket = std::getenv("SSH_AUTH_SOCK");
      if (socket == nullptr || *socket == '\0')
        return fail(
            about(spec, "invalid empty ssh agent socket: SSH_AUTH_SOCK is not set")
                .hint("start an agent (eval $(ssh-agent); ssh-add), or give a key: --ssh default=FILE"));
      spec.paths = {socket};
      if (!is_socket(socket))
        return fail(about(spec, fmt::format("SSH_AUTH_SOCK names '{}', which is no socket", socket)));
    }
    for (std::string& path : spec.paths) {
      ASSIGN_OR_RETURN(path, absolute_path(spec, path));
      if (is_socket(path) && spec.paths.size() > 1)
        return fail(about(spec, "only a single socket can be given, and no keys beside it"));
    }
    if (is_socket(spec.paths.front())) sockets_[spec.id] = spec.paths.front();
    specs_[spec.id] = std::move(spec);
  }
  return {};
}

std::optional<std::string> SshAgents::known_socket(const std::string& id) const {
  const auto found = sockets_.find(id);
  return found == sockets_.end() ? std::optional<std::string>() : found->second;
}

Result<std::string> SshAgents::socket_of(const std::string& id, int directory) {
  if (std::optional<std::string> known = known_socket(id)) return *std::move(known);
  const auto spec = specs_.find(id);
  if (spec == specs_.end())
    return fail(Error(ErrorKind::kUsage, fmt::format("no SSH key \"{}\" forwarded from the client", id))
                    .hint(fmt::format("pass it with --ssh {}", id == "default" ? id : id + "=SOCKET|KEY")));
  ASSIGN_OR_RETURN(std::string socket, start_agent(spec->second, directory));
  sockets_[id] = socket;
  return socket;
}

Result<std::string> SshAgents::start_agent(const SshSpec& spec, int directory) {
  const std::string agent = sys::find_program("ssh-agent");
  const std::string add = sys::find_program("ssh-add");
  if (agent.empty() || add.empty())
    return fail(
        Error(ErrorKind::kUnsupported,
              fmt::format("--ssh {} gives a key, and the programs ssh-agent and ssh-add, which keep it, "
                          "are not in PATH",
                          spec.id))
            .hint("install OpenSSH's client, or give the socket of a running agent"));
  const std::string name = fmt::format("agent-{}", agents_.size());
  ASSIGN_OR_RETURN(const std::string place,
                   sys::read_link(AT_FDCWD, fmt::format("/proc/self/fd/{}", directory)));
  sys::SpawnOptions options;
  options.program = agent;
  // The name is relative: paths of sockets must be short.
  options.args = {"ssh-agent", "-a", name, "sh", "-c", "read x; kill \"$SSH_AGENT_PID\""};
  options.working_directory = place;
  options.new_session = true;
  options.die_with_parent = false;
  ASSIGN_OR_RETURN(FdPair input, sys::make_pipe());
  options.fds = {{input.first.get(), 0}};
  ASSIGN_OR_RETURN(sys::ChildProcess shell, sys::spawn(options));
  agents_.push_back({.shell = std::move(shell), .input = std::move(input.second)});
  std::string socket = place + "/" + name;
  constexpr int kAttempts = 500;  // of 10 ms each
  for (int i = 0; !is_socket(socket); ++i) {
    struct pollfd ended{.fd = agents_.back().shell.pidfd(), .events = POLLIN, .revents = 0};
    if (i >= kAttempts || ::poll(&ended, 1, 10) > 0)
      return fail(ErrorKind::kSystem, fmt::format("ssh-agent for --ssh {} did not start", spec.id));
  }
  ASSIGN_OR_RETURN(FdPair err, sys::make_pipe());
  options.program = add;
  options.args = {"ssh-add", "-q", "--"};
  options.args.insert(options.args.end(), spec.paths.begin(), spec.paths.end());
  options.fds = {{err.second.get(), 2}};
  std::vector<std::string> env;
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (const std::string_view text = *entry;
        !text.starts_with("SSH_AUTH_SOCK=") && !text.starts_with("SSH_ASKPASS"))
      env.emplace_back(text);
  env.push_back("SSH_AUTH_SOCK=" + name);
  env.emplace_back("SSH_ASKPASS_REQUIRE=never");
  options.env = std::move(env);
  ASSIGN_OR_RETURN(sys::ChildProcess adding, sys::spawn(options));
  err.second.reset();
  const std::string said =
      sys::read_fd(err.first.get(), "the messages of ssh-add", kMaxMessages).value_or("");
  ASSIGN_OR_RETURN(const sys::ExitStatus status, adding.wait());
  if (status.ok()) return socket;
  Error error = about(spec, "ssh-add does not take the key");
  for (const std::string& line : last_lines(said, kShownLines)) error.add_context("> " + line);
  error.add_hint(
      "a key with a passphrase has to be loaded into an agent of yours: ssh-add FILE, then --ssh default");
  return fail(std::move(error));
}

}  // namespace shale::remote
