// SPDX-License-Identifier: Apache-2.0
// sandbox-probe: tells as JSON what a confined process can see and do. It asks, and changes nothing: calls
// get arguments that cannot succeed, files are opened but never written. Outside of a pid namespace it
// refuses to run.
//
// sandbox-probe [--out=FILE] [--namespaces=LINK,…] [--abstract=NAME] [--port=N]
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "findings.h"

namespace shale::probe {

std::string errno_name(int error) {
  const char* name = ::strerrorname_np(error);
  return name != nullptr ? name : "errno " + std::to_string(error);
}

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::string in_child(const std::function<std::string()>& attempt) {
  constexpr int kPatienceMs = 300;
  int ends[2];
  if (::pipe(ends) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    const struct rlimit none{};
    (void)::setrlimit(RLIMIT_CORE, &none);
    const std::string word = attempt();
    (void)!::write(ends[1], word.data(), word.size());
    ::_exit(0);
  }
  ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    return "no process";
  }
  struct pollfd readable{.fd = ends[0], .events = POLLIN, .revents = 0};
  std::string word;
  if (::poll(&readable, 1, kPatienceMs) == 0) {
    word = "blocks";
  } else {
    char buffer[256];
    const ssize_t got = ::read(ends[0], buffer, sizeof buffer);
    if (got > 0) word.assign(buffer, static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  (void)::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, __WALL) < 0 && errno == EINTR) continue;
  if (word.empty()) word = WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status)) : "ended";
  return word;
}

}  // namespace shale::probe

namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escape;
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string to_json(const shale::probe::Findings& found) {
  std::string out = "{";
  const char* between_groups = "\n";
  for (const auto& [group, items] : found) {
    out += between_groups + quoted(group) + ": {";
    const char* between_items = "\n  ";
    for (const auto& [item, value] : items) {
      out += between_items + quoted(item) + ": " + quoted(value);
      between_items = ",\n  ";
    }
    out += "}";
    between_groups = ",\n";
  }
  return out + "\n}\n";
}

// The namespace of the machine's first process has a fixed number (PROC_PID_INIT_INO).
bool in_first_pid_namespace() {
  constexpr ino_t kFirst = 0xEFFFFFFC;
  struct stat info;
  return ::stat("/proc/self/ns/pid", &info) != 0 || info.st_ino == kFirst;
}

}  // namespace

int main(int count, char** args) {
  std::string out;
  shale::probe::Host host;
  for (int i = 1; i < count; ++i) {
    const std::string_view arg = args[i];
    const std::size_t equal = arg.find('=');
    const std::string_view name = arg.substr(0, equal);
    std::string value(equal == std::string_view::npos ? "" : arg.substr(equal + 1));
    if (name == "--out") {
      out = value;
    } else if (name == "--abstract") {
      host.abstract_socket = value;
    } else if (name == "--port") {
      host.port = std::atoi(value.c_str());
    } else if (name == "--namespaces") {
      for (std::size_t comma = 0; (comma = value.find(',')) != std::string::npos; value.erase(0, comma + 1))
        host.namespaces.push_back(value.substr(0, comma));
      host.namespaces.push_back(value);
    } else {
      std::fprintf(stderr, "sandbox-probe: unknown argument '%s'\n", args[i]);
      return 2;
    }
  }
  if (in_first_pid_namespace()) {
    std::fprintf(stderr, "sandbox-probe: only in a sandbox: it tries every system call\n");
    return 2;
  }
  shale::probe::Findings found;
  // First what looking at other things could change.
  shale::probe::find_surroundings(found, host);
  shale::probe::find_privileges(found, host);
  shale::probe::find_files(found);
  shale::probe::find_calls(found);
  const std::string json = to_json(found);
  std::FILE* file = out.empty() ? stdout : std::fopen(out.c_str(), "w");
  if (file == nullptr || std::fputs(json.c_str(), file) < 0 || std::fclose(file) != 0) {
    std::perror("sandbox-probe");
    return 1;
  }
  return 0;
}
