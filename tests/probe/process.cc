// SPDX-License-Identifier: Apache-2.0
// What the process is and has: ids, capabilities, limits, namespaces, descriptors, environment, and who else
// is there.
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "findings.h"

namespace shale::probe {

namespace {

constexpr const char* kCapabilities[] = {"chown",
                                         "dac_override",
                                         "dac_read_search",
                                         "fowner",
                                         "fsetid",
                                         "kill",
                                         "setgid",
                                         "setuid",
                                         "setpcap",
                                         "linux_immutable",
                                         "net_bind_service",
                                         "net_broadcast",
                                         "net_admin",
                                         "net_raw",
                                         "ipc_lock",
                                         "ipc_owner",
                                         "sys_module",
                                         "sys_rawio",
                                         "sys_chroot",
                                         "sys_ptrace",
                                         "sys_pacct",
                                         "sys_admin",
                                         "sys_boot",
                                         "sys_nice",
                                         "sys_resource",
                                         "sys_time",
                                         "sys_tty_config",
                                         "mknod",
                                         "lease",
                                         "audit_write",
                                         "audit_control",
                                         "setfcap",
                                         "mac_override",
                                         "mac_admin",
                                         "syslog",
                                         "wake_alarm",
                                         "block_suspend",
                                         "audit_read",
                                         "perfmon",
                                         "bpf",
                                         "checkpoint_restore"};

constexpr std::pair<const char*, int> kLimits[] = {
    {"as", RLIMIT_AS},           {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},       {"fsize", RLIMIT_FSIZE},       {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},   {"nproc", RLIMIT_NPROC},       {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK}};

std::string status_field(const std::vector<std::string>& status, const std::string& name) {
  for (const std::string& line : status)
    if (line.starts_with(name + ":")) {
      const std::size_t start = line.find_first_not_of(" \t", name.size() + 1);
      return start == std::string::npos ? "" : line.substr(start);
    }
  return "unknown";
}

std::vector<std::string> names_in(const char* directory) {
  std::vector<std::string> names;
  DIR* stream = ::opendir(directory);
  if (stream == nullptr) return names;
  while (const dirent* entry = ::readdir(stream)) names.emplace_back(entry->d_name);
  ::closedir(stream);
  return names;
}

std::string link_text(const std::string& path) {
  char text[4096];
  const ssize_t length = ::readlink(path.c_str(), text, sizeof text);
  return length < 0 ? "" : std::string(text, static_cast<std::size_t>(length));
}

// What a descriptor is, in the order of how much it could be worth to its holder.
std::string kind_of(int fd) {
  struct stat info;
  if (::fstat(fd, &info) != 0) return "unknown";
  if (::isatty(fd) != 0) return "terminal";
  if (S_ISFIFO(info.st_mode)) return "pipe";
  if (S_ISSOCK(info.st_mode)) return "socket";
  if (S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3)) return "null";
  if (S_ISDIR(info.st_mode)) return "directory";
  return S_ISREG(info.st_mode) ? "file" : "other";
}

void find_descriptors(Findings& found) {
  auto& items = found["descriptor"];
  DIR* stream = ::opendir("/proc/self/fd");
  if (stream == nullptr) return;
  while (const dirent* entry = ::readdir(stream)) {
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] != '.' && fd != ::dirfd(stream)) items[entry->d_name] = kind_of(fd);
  }
  ::closedir(stream);
}

// Who may open a process's file need not be told what is in it.
std::string reads(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return "denied";
  char byte = 0;
  const ssize_t got = ::read(fd, &byte, 1);
  ::close(fd);
  return got > 0 ? "reads" : "denied";
}

void find_processes(Findings& found) {
  auto& items = found["process"];
  int seen = 0;
  for (const std::string& name : names_in("/proc"))
    if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos) ++seen;
  items["seen"] = std::to_string(seen);
  // The first process is the step itself in many sandboxes; where it is not, it is somebody's.
  const bool self = ::getpid() == 1;
  for (const char* file : {"environ", "maps", "auxv", "stack", "syscall"})
    items[std::string("pid 1 ") + file] = self ? "own" : reads(std::string("/proc/1/") + file);
  for (const char* link : {"exe", "cwd", "root", "ns/mnt", "fd/0"})
    items[std::string("pid 1 ") + link] = self                                                ? "own"
                                          : link_text(std::string("/proc/1/") + link).empty() ? "denied"
                                                                                              : "opens";
}

std::string reaches(const sockaddr* address, socklen_t length) {
  return in_child([&]() -> std::string {
    const int fd = ::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && ::connect(fd, address, length) == 0 ? "connects" : "denied";
  });
}

void find_reach(Findings& found, const Host& host) {
  auto& items = found["reach"];
  if (!host.abstract_socket.empty()) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    host.abstract_socket.copy(address.sun_path + 1, sizeof address.sun_path - 1);
    items["the host's abstract sockets"] =
        reaches(reinterpret_cast<const sockaddr*>(&address),
                static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + host.abstract_socket.size()));
  }
  if (host.port != 0) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(host.port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    items["the host's loopback"] = reaches(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  const auto is_abstract = [](const std::string& line) { return line.find(" @") != std::string::npos; };
  const std::vector<std::string> sockets = lines_of("/proc/net/unix");
  items["abstract sockets listed"] =
      std::to_string(std::count_if(sockets.begin(), sockets.end(), is_abstract));
}

std::string keys_of_session() {
  constexpr int kRead = 11;     // KEYCTL_READ
  constexpr int kSession = -3;  // KEY_SPEC_SESSION_KEYRING
  std::int32_t keys[64];
  const long bytes = ::syscall(SYS_keyctl, kRead, kSession, keys, sizeof keys, 0);
  if (bytes >= 0) return std::to_string(static_cast<std::size_t>(bytes) / sizeof keys[0]);
  return errno == EPERM || errno == ENOSYS ? "denied" : "0";
}

}  // namespace

void find_surroundings(Findings& found, const Host& host) {
  find_descriptors(found);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    found["environment"].emplace(text.substr(0, text.find('=')), "set");
  }
  find_processes(found);
  find_reach(found, host);
  for (const char* name : {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"}) {
    const std::string link = link_text(std::string("/proc/self/ns/") + name);
    const bool shared =
        std::find(host.namespaces.begin(), host.namespaces.end(), link) != host.namespaces.end();
    found["namespace"][name] = link.empty() ? "absent" : shared ? "shared" : "own";
  }
}

void find_privileges(Findings& found, const Host&) {
  const std::vector<std::string> status = lines_of("/proc/self/status");
  for (const auto& [set, field] : {std::pair{"inheritable", "CapInh"},
                                   {"permitted", "CapPrm"},
                                   {"effective", "CapEff"},
                                   {"bounding", "CapBnd"},
                                   {"ambient", "CapAmb"}}) {
    const std::uint64_t bits = std::strtoull(status_field(status, field).c_str(), nullptr, 16);
    for (unsigned bit = 0; bit < 64; ++bit) {
      if ((bits >> bit & 1U) == 0) continue;
      const std::string name = bit < std::size(kCapabilities) ? kCapabilities[bit] : std::to_string(bit);
      found["capability"][std::string(set) + " " + name] = "held";
    }
  }
  auto& items = found["status"];
  items["no_new_privs"] = status_field(status, "NoNewPrivs");
  items["seccomp"] = status_field(status, "Seccomp");
  items["uid"] = std::to_string(::geteuid());
  const std::string groups = status_field(status, "Groups");
  items["supplementary groups"] =
      std::to_string(std::count(groups.begin(), groups.end(), ' '));  // each is followed by one
  const std::vector<std::string> map = lines_of("/proc/self/uid_map");
  items["uid 0"] = !map.empty() && map[0].find("4294967295") != std::string::npos ? "the host's" : "mapped";
  const std::vector<std::string> score = lines_of("/proc/self/oom_score_adj");
  items["oom_score_adj"] = score.empty() ? "unknown" : score[0];
  const int tty = ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  items["controlling terminal"] = tty < 0 ? "none" : "opens";
  if (tty >= 0) ::close(tty);
  items["keys in the session keyring"] = keys_of_session();
  for (const auto& [name, resource] : kLimits) {
    struct rlimit limit;
    if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0) continue;
    found["limit"][name] = limit.rlim_max == RLIM_INFINITY ? "unlimited" : std::to_string(limit.rlim_max);
  }
}

}  // namespace shale::probe
