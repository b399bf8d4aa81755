// SPDX-License-Identifier: Apache-2.0
#include "runtime/emulation/caller.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace shale::runtime {

namespace {

constexpr std::uint64_t kPage = 4096;

// What follows "name:\t" in /proc/PID/status.
std::optional<std::string> status_line(int proc_fd, pid_t pid, const char* name) {
  const std::string path = std::to_string(pid) + "/status";
  const OwnedFd file(::openat(proc_fd, path.c_str(), O_RDONLY | O_CLOEXEC));
  char text[kPage];
  const ssize_t got = file ? ::read(file.get(), text, sizeof text - 1) : -1;
  if (got <= 0) return std::nullopt;
  text[got] = '\0';
  const std::string key = std::string("\n") + name + ":\t";
  const char* at = std::strstr(text, key.c_str());
  if (at == nullptr) return std::nullopt;
  at += key.size();
  return std::string(at, std::strcspn(at, "\n"));
}

}  // namespace

std::uint32_t Caller::id_argument(unsigned index) const {
  const auto id = static_cast<std::uint32_t>(notification_.data.args[index]);
  if (row_.layout != Layout::kI386Old) return id;
  return (id & 0xffffU) == 0xffffU ? kKeepId : id & 0xffffU;
}

bool Caller::valid() const {
  std::uint64_t id = notification_.id;
  return ::ioctl(fds_.listener.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

bool Caller::read(std::uint64_t address, void* into, std::size_t size) const {
  struct iovec local{.iov_base = into, .iov_len = size};
  struct iovec remote{.iov_base = reinterpret_cast<void*>(address), .iov_len = size};
  return ::process_vm_readv(tid(), &local, 1, &remote, 1, 0) == static_cast<ssize_t>(size);
}

bool Caller::write(std::uint64_t address, const void* bytes, std::size_t size) const {
  struct iovec local{.iov_base = const_cast<void*>(bytes), .iov_len = size};
  struct iovec remote{.iov_base = reinterpret_cast<void*>(address), .iov_len = size};
  return ::process_vm_writev(tid(), &local, 1, &remote, 1, 0) == static_cast<ssize_t>(size);
}

int Caller::read_string(std::uint64_t address, std::size_t limit, std::string& out) const {
  if (address != 0 && address == last_address_) {
    out = last_string_;
    return out.size() < limit ? 0 : ENAMETOOLONG;
  }
  out.clear();
  const std::uint64_t start = address;
  char buffer[kPage];
  while (out.size() < limit) {
    // Never across the end of a page: the next one need not exist, and the string may end before it.
    const std::size_t size = std::min<std::uint64_t>(kPage - address % kPage, limit - out.size());
    struct iovec local{.iov_base = buffer, .iov_len = size};
    struct iovec remote{.iov_base = reinterpret_cast<void*>(address), .iov_len = size};
    const ssize_t got = ::process_vm_readv(tid(), &local, 1, &remote, 1, 0);
    if (got <= 0) return EFAULT;
    const char* end = static_cast<const char*>(std::memchr(buffer, 0, static_cast<std::size_t>(got)));
    out.append(buffer,
               end != nullptr ? static_cast<std::size_t>(end - buffer) : static_cast<std::size_t>(got));
    if (end != nullptr) {
      last_address_ = start;
      last_string_ = out;
      return 0;
    }
    address += static_cast<std::uint64_t>(got);
  }
  return ENAMETOOLONG;
}

OwnedFd Caller::open_link(const char* name) const {
  const std::string path = std::to_string(tid()) + '/' + name;
  return OwnedFd(::openat(fds_.proc.get(), path.c_str(), O_PATH | O_CLOEXEC));
}

OwnedFd Caller::descriptor(int number) const {
  if (number < 0) {
    errno = EBADF;
    return {};
  }
  return open_link(("fd/" + std::to_string(number)).c_str());
}

std::optional<std::uint64_t> Caller::status_field(const char* name, int base) const {
  const std::optional<std::string> line = status_line(fds_.proc.get(), tid(), name);
  if (!line) return std::nullopt;
  return std::strtoull(line->c_str(), nullptr, base);
}

std::optional<pid_t> inner_pid_of(int proc_fd, pid_t pid) {
  const std::optional<std::string> line = status_line(proc_fd, pid, "NSpid");
  if (!line) return std::nullopt;
  return static_cast<pid_t>(std::strtol(line->c_str() + line->rfind('\t') + 1, nullptr, 10));
}

namespace {

OwnedFd open_slack(int proc_fd, pid_t pid, int access = O_RDONLY) {
  return OwnedFd(::openat(proc_fd, (std::to_string(pid) + "/timerslack_ns").c_str(), access | O_CLOEXEC));
}

std::optional<std::uint64_t> read_slack(const OwnedFd& file) {
  char text[32];
  const ssize_t got = file ? ::pread(file.get(), text, sizeof text - 1, 0) : -1;
  if (got <= 0) return std::nullopt;
  text[got] = '\0';
  return std::strtoull(text, nullptr, 10);
}

}  // namespace

std::optional<std::uint64_t> timer_slack_in(int directory) {
  return read_slack(OwnedFd(::openat(directory, "timerslack_ns", O_RDONLY | O_CLOEXEC)));
}

std::optional<std::uint64_t> timer_slack_of(int proc_fd, pid_t pid) {
  return read_slack(open_slack(proc_fd, pid));
}

std::optional<std::uint64_t> TimerSlacks::of(int proc_fd, pid_t tid) {
  Slot& slot = slots_[static_cast<std::size_t>(tid) % slots_.size()];
  if (slot.tid == tid)
    if (const std::optional<std::uint64_t> slack = read_slack(slot.file)) return slack;
  slot = {.tid = tid, .file = open_slack(proc_fd, tid)};
  return read_slack(slot.file);
}

bool Caller::set_timer_slack(std::uint64_t nanoseconds) const {
  const OwnedFd file = open_slack(fds_.proc.get(), tid(), O_WRONLY);
  const std::string text = std::to_string(nanoseconds);
  return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

}  // namespace shale::runtime
