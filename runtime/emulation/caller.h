// SPDX-License-Identifier: Apache-2.0
// Caller: the process behind one notification: its memory, its directories and descriptors, its credentials.
#pragma once

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/owned_fd.h"
#include "runtime/emulation/calls.h"
#include "runtime/emulation/credentials.h"

namespace shale::runtime {

// The kernel's limits: a path with its NUL (PATH_MAX), and the links on the way to a name (MAXSYMLINKS).
inline constexpr std::size_t kPathMax = 4096;
inline constexpr int kMaxLinks = 40;

// What the supervisor holds of the world: everything else it sees is the sandbox's.
struct SupervisorFds {
  OwnedFd listener;
  // The /proc that shows the sandbox's processes, and our own descriptors, to us. It is the working directory
  // as well.
  OwnedFd proc;
};

class Caller {
 public:
  Caller(const SupervisorFds& fds, const struct seccomp_notif& notification, const CallRow& row)
      : fds_(fds), notification_(notification), row_(row) {}

  [[nodiscard]] pid_t tid() const { return static_cast<pid_t>(notification_.pid); }
  [[nodiscard]] const CallRow& row() const { return row_; }
  [[nodiscard]] std::uint32_t architecture() const { return notification_.data.arch; }

  // Arguments as the kernel reads them.
  [[nodiscard]] int int_argument(unsigned index) const {
    return static_cast<int>(static_cast<std::uint32_t>(notification_.data.args[index]));
  }
  [[nodiscard]] std::uint64_t argument(unsigned index) const { return notification_.data.args[index]; }
  // An id; the -1 of 16-bit calls becomes kKeepId.
  [[nodiscard]] std::uint32_t id_argument(unsigned index) const;

  [[nodiscard]] std::uint64_t id() const { return notification_.id; }
  // Still waiting for our answer. Asked after everything was read and before anything is changed: if it was
  // killed meanwhile, its number may name another process.
  [[nodiscard]] bool valid() const;

  // All of it or false.
  bool read(std::uint64_t address, void* into, std::size_t size) const;
  bool write(std::uint64_t address, const void* bytes, std::size_t size) const;
  // Up to its NUL. An errno: EFAULT, or ENAMETOOLONG beyond `limit` bytes. What is asked for again is what it
  // was.
  int read_string(std::uint64_t address, std::size_t limit, std::string& out) const;

  // O_PATH descriptors; an empty one with errno set if it has none such.
  [[nodiscard]] OwnedFd working_directory() const { return open_link("cwd"); }
  [[nodiscard]] OwnedFd root() const { return open_link("root"); }
  [[nodiscard]] OwnedFd descriptor(int number) const;
  // The directory argument of a call, which AT_FDCWD may be.
  [[nodiscard]] OwnedFd directory(int number) const {
    return number == AT_FDCWD ? working_directory() : descriptor(number);
  }
  [[nodiscard]] OwnedFd open_link(const char* name) const;

  // A line of /proc/TID/status as a number of the given base.
  [[nodiscard]] std::optional<std::uint64_t> status_field(const char* name, int base) const;
  [[nodiscard]] bool set_timer_slack(std::uint64_t nanoseconds) const;

 private:
  const SupervisorFds& fds_;
  const struct seccomp_notif& notification_;
  const CallRow& row_;
  mutable std::uint64_t last_address_ = 0;
  mutable std::string last_string_;
};

// The timer slack of the process whose directory in a /proc this is; nothing if it is none, or the process
// gone.
std::optional<std::uint64_t> timer_slack_in(int directory);
// The same by its number.
std::optional<std::uint64_t> timer_slack_of(int proc_fd, pid_t pid);
// The timer slack of callers, many of which ask often. A file of /proc belongs to its process for good: once
// that has ended it cannot be read, whoever has the number then.
class TimerSlacks {
 public:
  // Nothing if it is gone.
  std::optional<std::uint64_t> of(int proc_fd, pid_t tid);

 private:
  struct Slot {
    pid_t tid = 0;
    OwnedFd file;
  };
  std::array<Slot, 32> slots_;  // by number: callers at one time have numbers that follow each other
};

// The number of a process in the innermost of its pid namespaces.
std::optional<pid_t> inner_pid_of(int proc_fd, pid_t pid);

}  // namespace shale::runtime
