// SPDX-License-Identifier: Apache-2.0
#include "remote/git_program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/last_lines.h"
#include "registry/credentials.h"
#include "sys/process.h"

namespace shale::remote {

namespace {

constexpr std::size_t kMaxOutput = std::size_t{16} << 20;  // a list of all refs of a very large repository
constexpr std::size_t kShownLines = 10;

// Set for every call, in the environment, where they win over all files. The result must depend on the
// commit only, so what a user may have set for his own work trees does not count.
constexpr std::pair<const char*, const char*> kConfig[] = {
    {"core.hooksPath", "/dev/null"},  // no program of a template's
    {"core.attributesFile", "/dev/null"},
    {"core.fsmonitor", "false"},
    {"core.autocrlf", "false"},
    {"core.eol", "lf"},
    {"core.symlinks", "true"},
    {"core.fileMode", "true"},
    {"core.logAllRefUpdates", "false"},
    {"core.sharedRepository", "umask"},
    {"advice.detachedHead", "false"},
    {"fetch.recurseSubmodules", "false"},
    {"gc.auto", "0"},
    {"log.showSignature", "false"},  // what it shows stands in git's answers
    {"maintenance.auto", "false"},
    {"init.templateDir", ""},
    {"submodule.recurse", "false"},
};

// Of the variables that begin with GIT_ only those pass that say how to reach servers. Others would point
// git to another repository, change its configuration, or write credentials to a trace.
bool passes(std::string_view entry) {
  const std::string_view name = entry.substr(0, entry.find('='));
  if (name == "SSH_ASKPASS" || name == "SSH_ASKPASS_REQUIRE") return false;
  if (!name.starts_with("GIT_")) return name != "LC_ALL" && name != "LANGUAGE";
  constexpr std::string_view kKept[] = {
      "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM", "GIT_EXEC_PATH",
      "GIT_SSH",           "GIT_SSH_COMMAND",     "GIT_SSH_VARIANT"};
  return name.starts_with("GIT_SSL_") || name.starts_with("GIT_HTTP_") || name.starts_with("GIT_PROXY_") ||
         std::find(std::begin(kKept), std::end(kKept), name) != std::end(kKept);
}

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

// The value of a secret called `name`, or better `name.host`.
const Secret* find_secret(const std::vector<Secret>& secrets, const std::string& name,
                          const std::string& host) {
  for (const std::string& id : {fmt::format("{}.{}", name, host), name}) {
    const auto found =
        std::find_if(secrets.begin(), secrets.end(), [&](const Secret& secret) { return secret.id == id; });
    if (found != secrets.end()) return &*found;
  }
  return nullptr;
}

// Reads both pipes to their ends.
Status collect(std::array<UniqueFd, 2>& pipes, std::array<std::string, 2>& texts, EventSink& events) {
  constexpr int kTickMilliseconds = 100;
  while (pipes[0] || pipes[1]) {
    std::array<struct pollfd, 2> fds{};
    for (std::size_t i = 0; i < 2; ++i) fds[i] = {.fd = pipes[i].get(), .events = POLLIN, .revents = 0};
    if (::poll(fds.data(), fds.size(), kTickMilliseconds) < 0 && errno != EINTR)
      return fail_errno(errno, "wait for git");
    events.tick();
    for (std::size_t i = 0; i < 2; ++i) {
      if (fds[i].revents == 0) continue;
      std::array<char, 65536> buffer{};
      const ssize_t got = ::read(pipes[i].get(), buffer.data(), buffer.size());
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (got <= 0) {
        pipes[i].reset();
        continue;
      }
      texts[i].append(buffer.data(), static_cast<std::size_t>(got));
      // Of errors the end matters; a list that is cut would be wrong.
      if (i == 1 && texts[i].size() > kMaxOutput) texts[i].erase(0, kMaxOutput / 2);
      if (i == 0 && texts[i].size() > kMaxOutput)
        return fail(ErrorKind::kNetwork, "the repository has more refs than git's answer may have bytes");
    }
  }
  return {};
}

}  // namespace

Result<GitProgram> GitProgram::find(const plan::GitReference& reference, const std::vector<Secret>& secrets,
                                    std::string ssh_socket, EventSink& events) {
  const std::string program = sys::find_program("git");
  if (program.empty())
    return fail(Error(ErrorKind::kUnsupported,
                      fmt::format("the program git, which fetches {}, is not in PATH", reference.remote))
                    .hint("install git"));
  GitProgram out(program, events);
  out.remote_ = reference.remote;
  out.ssh_socket_ = std::move(ssh_socket);
  for (const auto& [key, value] : kConfig) out.set_config(key, value);
  if (!reference.remote.starts_with("http")) return out;

  const std::size_t begin = reference.remote.find("://") + 3;
  const std::string origin = reference.remote.substr(0, reference.remote.find('/', begin));
  std::string host = origin.substr(begin);
  if (const std::size_t colon = host.rfind(':'); colon != std::string::npos && !host.ends_with(']'))
    host.resize(colon);
  std::string header;
  if (!reference.login.empty()) {
    const bool named = reference.login.find(':') != std::string::npos;
    header = "Basic " + registry::base64_encode(reference.login + (named ? "" : ":"));
    out.hidden_ = {reference.login, reference.login.substr(reference.login.find(':') + 1)};
  } else if (const Secret* whole = find_secret(secrets, "GIT_AUTH_HEADER", host)) {
    header = trimmed(whole->value);
    out.hidden_ = {header};
  } else if (const Secret* token = find_secret(secrets, "GIT_AUTH_TOKEN", host)) {
    header = "Basic " + registry::base64_encode("x-access-token:" + trimmed(token->value));
    out.hidden_ = {trimmed(token->value)};
  }
  if (header.empty()) return out;
  if (header.find_first_of("\r\n") != std::string::npos)
    return fail(ErrorKind::kUsage, "the secret GIT_AUTH_HEADER has more than one line");
  out.hidden_.push_back(header.substr(header.find(' ') + 1));
  out.set_config(fmt::format("http.{}/.extraHeader", origin), "Authorization: " + header);
  return out;
}

std::vector<std::string> GitProgram::environment(const GitCall& call) const {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (passes(*entry)) out.emplace_back(*entry);
  if (!ssh_socket_.empty()) {
    std::erase_if(out, [](const std::string& entry) { return entry.starts_with("SSH_AUTH_SOCK="); });
    out.push_back("SSH_AUTH_SOCK=" + ssh_socket_);
  }
  // Messages are read for what a server cannot do.
  out.insert(out.end(), {"LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS_REQUIRE=never",
                         "GIT_ALLOW_PROTOCOL=http:https:ssh:git", "GIT_NO_REPLACE_OBJECTS=1",
                         "GIT_PROTOCOL_FROM_USER=0", "GIT_OPTIONAL_LOCKS=0", "GIT_ATTR_NOSYSTEM=1"});
  out.push_back("GIT_DIR=" + (call.git_dir.empty() ? "/dev/null" : call.git_dir));
  if (!call.work_tree.empty()) out.push_back("GIT_WORK_TREE=" + call.work_tree);
  out.push_back(fmt::format("GIT_CONFIG_COUNT={}", config_.size()));
  for (std::size_t i = 0; i < config_.size(); ++i) {
    out.push_back(fmt::format("GIT_CONFIG_KEY_{}={}", i, config_[i].first));
    out.push_back(fmt::format("GIT_CONFIG_VALUE_{}={}", i, config_[i].second));
  }
  return out;
}

std::string GitProgram::censored(std::string text) const {
  text = plan::without_login(text);
  constexpr std::string_view kHidden = "xxxxx";
  for (const std::string& secret : hidden_)
    // Not what was put there: a secret may be "x".
    for (std::size_t at = 0; !secret.empty() && (at = text.find(secret, at)) != std::string::npos;
         at += kHidden.size())
      text.replace(at, secret.size(), kHidden);
  return text;
}

Result<std::string> GitProgram::run(const GitCall& call) const {
  ASSIGN_OR_RETURN(FdPair out, sys::make_pipe());
  ASSIGN_OR_RETURN(FdPair err, sys::make_pipe());
  sys::SpawnOptions options;
  options.program = program_;
  options.args = {"git"};
  options.args.insert(options.args.end(), call.args.begin(), call.args.end());
  options.env = environment(call);
  options.fds = {{out.second.get(), 1}, {err.second.get(), 2}};
  options.working_directory = call.work_tree.empty() ? "/" : call.work_tree;
  options.new_session = true;  // ssh would ask the terminal it has
  // Modes of files depend on the commit only, as with BuildKit: 0644 and 0755.
  const mode_t before = ::umask(022);
  Result<sys::ChildProcess> child = sys::spawn(options);
  ::umask(before);
  if (!child) return fail(std::move(child.error()));
  out.second.reset();
  err.second.reset();
  std::array<UniqueFd, 2> pipes = {std::move(out.first), std::move(err.first)};
  std::array<std::string, 2> texts;
  RETURN_IF_ERROR(collect(pipes, texts, *events_));
  ASSIGN_OR_RETURN(const sys::ExitStatus status, child->wait());
  if (status.ok()) return std::move(texts[0]);
  Error error(ErrorKind::kNetwork,
              fmt::format("git {} of {}: {}", call.args.front(), remote_,
                          status.signal != 0 ? fmt::format("ended by signal {}", status.signal)
                                             : fmt::format("ended with status {}", status.code)));
  for (const std::string& line : last_lines(censored(texts[1]), kShownLines)) error.add_context("> " + line);
  if (texts[1].find("could not read Username") != std::string::npos ||
      texts[1].find("Authentication failed") != std::string::npos)
    error.add_hint(
        "give a token with --secret id=GIT_AUTH_TOKEN,env=VARIABLE, or set up a credential helper "
        "of git");
  else if (texts[1].find("Permission denied (publickey") != std::string::npos)
    error.add_hint("load a key that the server knows into ssh-agent: ssh-add FILE");
  else if (texts[1].find("Host key verification failed") != std::string::npos)
    error.add_hint("connect to the server with ssh once, so that its key is known");
  return fail(std::move(error));
}

GitProgram GitProgram::without_filters(const std::string& git_dir) const {
  GitProgram out = *this;
  // An error says that there are none; whatever else is wrong with the configuration, the next call says.
  const std::string names = run({.args = {"config", "--null", "--name-only", "--get-regexp", "^filter\\."},
                                 .git_dir = git_dir,
                                 .work_tree = {}})
                                .value_or("");
  for (std::string_view rest = names; !rest.empty();) {
    const std::string_view name = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
    const std::string driver(name.substr(0, name.rfind('.')));  // "filter.lfs"
    for (const auto& [key, value] :
         {std::pair("smudge", ""), std::pair("process", ""), std::pair("required", "false")})
      out.set_config(fmt::format("{}.{}", driver, key), value);
  }
  return out;
}

Result<std::string> GitProgram::run_shallow(GitCall call) const {
  Result<std::string> first = run(call);
  if (first) return first;
  const std::vector<std::string>& said = first.error().contexts();
  const bool too_much_asked = std::any_of(said.begin(), said.end(), [](const std::string& line) {
    return line.find("shallow") != std::string::npos || line.find("--depth") != std::string::npos;
  });
  if (!too_much_asked) return first;
  std::erase(call.args, "--depth=1");
  return run(call);
}

}  // namespace shale::remote
