// SPDX-License-Identifier: Apache-2.0
// What the process sees of mounts, of the kernel's files, and of devices.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "findings.h"

namespace shale::probe {

namespace {

// Files and directories that say something about the host, or change it: what docker or podman hide or make
// read-only, what later advisories were about, and what only an unusual mount would show.
constexpr const char* kPaths[] = {"/proc/acpi",
                                  "/proc/asound",
                                  "/proc/bus",
                                  "/proc/config.gz",
                                  "/proc/driver",
                                  "/proc/fs",
                                  "/proc/interrupts",
                                  "/proc/iomem",
                                  "/proc/ioports",
                                  "/proc/irq",
                                  "/proc/kallsyms",
                                  "/proc/kcore",
                                  "/proc/key-users",
                                  "/proc/keys",
                                  "/proc/kmsg",
                                  "/proc/kpagecgroup",
                                  "/proc/kpagecount",
                                  "/proc/kpageflags",
                                  "/proc/latency_stats",
                                  "/proc/modules",
                                  "/proc/mtrr",
                                  "/proc/pagetypeinfo",
                                  "/proc/sched_debug",
                                  "/proc/scsi",
                                  "/proc/slabinfo",
                                  "/proc/swaps",
                                  "/proc/sys",
                                  "/proc/sys/fs/binfmt_misc",
                                  "/proc/sys/fs/binfmt_misc/register",
                                  "/proc/sys/kernel/core_pattern",
                                  "/proc/sys/kernel/hostname",
                                  "/proc/sys/kernel/modprobe",
                                  "/proc/sys/kernel/ns_last_pid",
                                  "/proc/sys/kernel/random/boot_id",
                                  "/proc/sys/kernel/shmmax",
                                  "/proc/sys/net/ipv4/ip_forward",
                                  "/proc/sys/net/ipv4/ping_group_range",
                                  "/proc/sys/user/max_user_namespaces",
                                  "/proc/sys/vm/panic_on_oom",
                                  "/proc/sysrq-trigger",
                                  "/proc/timer_list",
                                  "/proc/timer_stats",
                                  "/proc/vmallocinfo",
                                  "/proc/zoneinfo",
                                  "/sys",
                                  "/sys/block",
                                  "/sys/bus/pci/rescan",
                                  "/sys/class/net",
                                  "/sys/devices/system/cpu/cpu0/thermal_throttle",
                                  "/sys/devices/virtual/powercap",
                                  "/sys/firmware",
                                  "/sys/fs/bpf",
                                  "/sys/fs/cgroup",
                                  "/sys/fs/cgroup/cgroup.procs",
                                  "/sys/fs/fuse/connections",
                                  "/sys/fs/pstore",
                                  "/sys/fs/selinux",
                                  "/sys/hypervisor",
                                  "/sys/kernel/btf/vmlinux",
                                  "/sys/kernel/debug",
                                  "/sys/kernel/kexec_loaded",
                                  "/sys/kernel/notes",
                                  "/sys/kernel/security",
                                  "/sys/kernel/tracing",
                                  "/sys/kernel/uevent_helper",
                                  "/sys/kernel/vmcoreinfo",
                                  "/sys/module",
                                  "/sys/power/state",
                                  "/run/docker.sock",
                                  "/var/run/docker.sock"};

// absent, denied, empty (as what is masked is), read or write. Nothing is written.
std::string access_to(const char* path) {
  struct stat info;
  if (::lstat(path, &info) != 0) return errno == ENOENT || errno == ENOTDIR ? "absent" : "denied";
  if (S_ISDIR(info.st_mode)) {
    DIR* directory = ::opendir(path);
    if (directory == nullptr) return "denied";
    bool empty = true;
    while (const dirent* entry = ::readdir(directory)) empty = empty && entry->d_name[0] == '.';
    ::closedir(directory);
    if (::faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0) return "write";
    return empty ? "empty" : "read";
  }
  if (!S_ISCHR(info.st_mode))  // a masked file is /dev/null: what is written there changes nothing
    if (const int fd = ::open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC); fd >= 0) {
      ::close(fd);
      return "write";
    }
  const int fd = ::open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return "denied";
  char byte = 0;
  const ssize_t got = ::read(fd, &byte, 1);
  const int error = errno;
  ::close(fd);
  if (got < 0) return error == EAGAIN ? "read" : "denied";
  return got == 0 ? "empty" : "read";
}

bool is_number(std::string_view name) {
  return name.find_first_not_of("0123456789") == std::string_view::npos;
}

// What may be written to, by permission and mount, below a directory; links are not followed, processes not
// entered.
void find_writable(const std::string& directory, std::map<std::string, std::string>& items) {
  DIR* stream = ::opendir(directory.c_str());
  if (stream == nullptr) return;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (directory == "/proc" && (is_number(name) || name == "self" || name == "thread-self")) continue;
    const std::string path = directory + "/" + std::string(name);
    struct stat info;
    if (::lstat(path.c_str(), &info) != 0 || S_ISLNK(info.st_mode)) continue;
    if (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode) &&
        ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) == 0)
      items[path] = "yes";
    if (S_ISDIR(info.st_mode)) find_writable(path, items);
  }
  ::closedir(stream);
}

void find_devices(const std::string& directory, std::map<std::string, std::string>& items) {
  DIR* stream = ::opendir(directory.c_str());
  if (stream == nullptr) return;
  while (const dirent* entry = ::readdir(stream)) {
    if (entry->d_name[0] == '.') continue;
    const std::string path = directory + "/" + entry->d_name;
    struct stat info;
    if (::lstat(path.c_str(), &info) != 0) continue;
    if (S_ISDIR(info.st_mode)) find_devices(path, items);
    if (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode)) continue;
    items[path] = in_child([&]() -> std::string {
      for (const int flags : {O_RDWR, O_RDONLY, O_WRONLY})
        if (::open(path.c_str(), flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) >= 0)
          return flags == O_RDONLY ? "read" : "write";
      return "denied";
    });
  }
  ::closedir(stream);
}

struct Node {
  const char* name;
  mode_t type;
  unsigned major_number;
  unsigned minor_number;
};
constexpr Node kNodes[] = {{"mem", S_IFCHR, 1, 1},     {"kmsg", S_IFCHR, 1, 11},  {"null", S_IFCHR, 1, 3},
                           {"fuse", S_IFCHR, 10, 229}, {"tun", S_IFCHR, 10, 200}, {"loop0", S_IFBLK, 7, 0},
                           {"vda", S_IFBLK, 254, 0}};

// Root emulation shows a device where an empty file is: what it does tells them apart.
bool is_file(const Node& node, int fd) {
  char byte = 'x';
  if (std::string_view(node.name) != "null")
    return ::lseek(fd, 0, SEEK_END) == 0 && ::read(fd, &byte, 1) == 0;
  return ::write(fd, &byte, 1) == 1 &&
         ::lseek(fd, 0, SEEK_END) == 1;  // the one thing that is written to, and ours
}

// Can devices be made, and do they work?
void find_made_devices(std::map<std::string, std::string>& items) {
  for (const Node& node : kNodes) {
    const std::string path = std::string("/made-") + node.name;
    std::string& word = items[node.name];
    if (::mknod(path.c_str(), node.type | 0600, makedev(node.major_number, node.minor_number)) != 0) {
      word = "refused";
      continue;
    }
    word = in_child([&]() -> std::string {
      const int flags = std::string_view(node.name) == "null" ? O_RDWR : O_RDONLY;
      const int fd = ::open(path.c_str(), flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
      if (fd < 0)
        return errno == EACCES || errno == EPERM ? "useless" : "opens";  // ENXIO: a driver was asked
      return is_file(node, fd) ? "useless" : "opens";
    });
    (void)::unlink(path.c_str());
  }
}

// One mount point can be covered several times: the last line counts.
void find_mounts(Findings& found) {
  for (const std::string& line : lines_of("/proc/self/mountinfo")) {
    // id parent device root target options [shared:N master:N …] - type source options
    std::istringstream words(line);
    std::string skipped, target, options, word, propagation = "private";
    words >> skipped >> skipped >> skipped >> skipped >> target >> options;
    while (words >> word && word != "-") {
      if (word.starts_with("master:") && propagation == "private") propagation = "slave";
      if (word.starts_with("shared:")) propagation = "shared";
    }
    words >> word;
    struct stat info;
    if (::stat(target.c_str(), &info) != 0 || S_ISCHR(info.st_mode))
      continue;  // devices and masks: see there
    auto& items = found["mount"];
    const auto has = [&](const char* option) {
      const std::string all = "," + options + ",";
      return all.find(std::string(",") + option + ",") != std::string::npos ? "yes" : "no";
    };
    items[target + " type"] = word;
    items[target + " propagation"] = propagation;
    for (const char* option : {"ro", "nosuid", "nodev", "noexec"}) items[target + " " + option] = has(option);
  }
}

}  // namespace

void find_files(Findings& found) {
  find_mounts(found);
  for (const char* path : kPaths) {
    std::string& word = found["path"][path];
    word = in_child([&] { return access_to(path); });
    if (word == "blocks") word = "read";
  }
  for (const char* directory : {"/proc", "/sys", "/dev"}) find_writable(directory, found["writable"]);
  find_devices("/dev", found["device"]);
  find_made_devices(found["made device"]);
}

}  // namespace shale::probe
