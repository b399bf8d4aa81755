// SPDX-License-Identifier: Apache-2.0
#include "runtime/emulation/filter.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/net.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <initializer_list>

#include "runtime/emulation/calls.h"

namespace shale::runtime {

namespace {

constexpr std::uint32_t kX32Bit = 0x40000000;
// O_TMPFILE's own bit: the rest of it is O_DIRECTORY.
constexpr std::uint32_t kWriteFlags = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
constexpr std::uint32_t kNotify = SECCOMP_RET_USER_NOTIF;

constexpr struct sock_filter statement(std::uint16_t code, std::uint32_t k) { return {code, 0, 0, k}; }
constexpr struct sock_filter jump(std::uint16_t code, std::uint32_t k, std::size_t yes, std::size_t no) {
  return {code, static_cast<std::uint8_t>(yes), static_cast<std::uint8_t>(no), k};
}

constexpr std::uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS;
constexpr std::uint16_t kIfEqual = BPF_JMP | BPF_JEQ | BPF_K;
constexpr std::uint16_t kIfAnyBit = BPF_JMP | BPF_JSET | BPF_K;
constexpr std::uint16_t kReturn = BPF_RET | BPF_K;

// The low half of an argument: all that is asked about are ints.
constexpr std::uint32_t argument(unsigned index) {
  return static_cast<std::uint32_t>(offsetof(struct seccomp_data, args) + index * sizeof(std::uint64_t));
}

class Program {
 public:
  void add(std::initializer_list<struct sock_filter> instructions) {
    code_.insert(code_.end(), instructions);
  }
  void add_row(const CallRow& row, bool as_user) {
    if (row.when == When::kAsUser && !as_user) return;
    const bool any_flags = row.when == When::kWrites1 || row.when == When::kWrites2 ||
                           row.when == When::kAccess1 || row.when == When::kAccess2;
    switch (any_flags && as_user ? When::kAlways : row.when) {
      case When::kAlways:
      case When::kAsUser:
        add({jump(kIfEqual, static_cast<std::uint32_t>(row.number), 0, 1),
             statement(kReturn, row.call == Call::kMissing ? SECCOMP_RET_ERRNO | ENOSYS : kNotify)});
        return;
      case When::kWrites1:
        return add_tested(row, argument(1), kIfAnyBit, {kWriteFlags});
      case When::kWrites2:
        return add_tested(row, argument(2), kIfAnyBit, {kWriteFlags});
      case When::kAccess1:
        return add_tested(row, argument(1), kIfAnyBit, {7});
      case When::kAccess2:
        return add_tested(row, argument(2), kIfAnyBit, {7});
      case When::kPrctl:
        return add_tested(row, argument(0), kIfEqual,
                          {PR_SET_TIMERSLACK, PR_SET_KEEPCAPS, PR_SET_SECUREBITS});
      case When::kPeer:
        // The level is left to the supervisor: the same number of another level is rare.
        return add_tested(row, argument(2), kIfEqual, {SO_PEERCRED});
      case When::kGetsockopt:
        return add_tested(row, argument(0), kIfEqual, {SYS_GETSOCKOPT});
    }
  }
  std::vector<struct sock_filter> take() { return std::move(code_); }
  [[nodiscard]] std::size_t size() const { return code_.size(); }
  struct sock_filter& at(std::size_t index) { return code_[index]; }

 private:
  // Asks about the call if one of the values passes.
  void add_tested(const CallRow& row, std::uint32_t offset, std::uint16_t test,
                  std::initializer_list<std::uint32_t> values) {
    add({jump(kIfEqual, static_cast<std::uint32_t>(row.number), 0, values.size() + 3),
         statement(kLoad, offset)});
    std::size_t left = values.size();
    for (const std::uint32_t value : values) {
      --left;
      add({jump(test, value, left, left == 0 ? 1 : 0)});
    }
    add({statement(kReturn, kNotify), statement(kReturn, SECCOMP_RET_ALLOW)});
  }

  std::vector<struct sock_filter> code_;
};

}  // namespace

std::vector<struct sock_filter> emulation_filter(bool as_user) {
  Program program;
  program.add({statement(kLoad, offsetof(struct seccomp_data, arch))});
  for (const CallTable& table : call_tables()) {
    // A jump over the block, whose length is known at its end; conditional ones reach only 255 instructions.
    program.add({jump(kIfEqual, table.architecture, 1, 0), statement(BPF_JMP | BPF_JA, 0)});
    const std::size_t over = program.size() - 1;
    program.add({statement(kLoad, offsetof(struct seccomp_data, nr))});
    if (table.architecture == AUDIT_ARCH_X86_64)
      program.add({jump(kIfAnyBit, kX32Bit, 0, 1), statement(kReturn, SECCOMP_RET_ERRNO | ENOSYS)});
    for (const CallRow& row : table.rows) program.add_row(row, as_user);
    program.add({statement(kReturn, SECCOMP_RET_ALLOW)});
    program.at(over).k = static_cast<std::uint32_t>(program.size() - over - 1);
  }
  program.add({statement(kReturn, SECCOMP_RET_ALLOW)});
  return program.take();
}

}  // namespace shale::runtime
