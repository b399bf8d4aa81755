// SPDX-License-Identifier: Apache-2.0
// Which system calls root emulation takes part in: one table for each architecture, from which both the
// filter and the supervisor's dispatch come.
#pragma once

#include <cstdint>
#include <span>

namespace shale::runtime {

enum class Call : std::uint8_t {
  // What a file is.
  kStat,
  kLstat,
  kFstat,
  kFstatat,
  kStatx,
  // Whose it is.
  kChown,
  kLchown,
  kFchown,
  kFchownat,
  // New names.
  kOpen,
  kOpenat,
  kOpenat2,
  kCreat,
  kMkdir,
  kMkdirat,
  kMknod,
  kMknodat,
  kSymlink,
  kSymlinkat,
  // Names changed and taken away.
  kUnlink,
  kRmdir,
  kUnlinkat,
  kRename,
  kRenameat,
  kLink,
  kLinkat,
  // May I?
  kAccess,
  kFaccessat,
  // What a file's owner may change.
  kChmod,
  kFchmod,
  kFchmodat,
  kFchmodat2,
  kUtime,
  kUtimes,
  kFutimesat,
  kUtimensat,
  kTruncate,
  // Where do I get?
  kReadlink,
  kReadlinkat,
  kChdir,
  // Attributes.
  kGetxattr,
  kLgetxattr,
  kFgetxattr,
  kSetxattr,
  kLsetxattr,
  kFsetxattr,
  kRemovexattr,
  kLremovexattr,
  kFremovexattr,
  kListxattr,
  kLlistxattr,
  kFlistxattr,
  // Who I am.
  kGetuid,
  kGeteuid,
  kGetgid,
  kGetegid,
  kGetresuid,
  kGetresgid,
  kGetgroups,
  kSetuid,
  kSetgid,
  kSetreuid,
  kSetregid,
  kSetresuid,
  kSetresgid,
  kSetfsuid,
  kSetfsgid,
  kSetgroups,
  kExecve,
  kExecveat,
  kChroot,
  kPrctl,
  kGetsockopt,
  kSocketcall,
  // Newer forms of the above, which every caller can do without: they answer ENOSYS.
  kMissing,
};

// When the kernel asks the supervisor. What does not meet its condition never leaves the kernel.
enum class When : std::uint8_t {
  kAlways,
  kAsUser,      // only if the sandbox's command starts as a user
  kWrites1,     // the flags of open(2) in argument 1 write, truncate or create
  kWrites2,     // the same in argument 2
  kAccess1,     // the mode in argument 1 asks for more than existence
  kAccess2,     // the same in argument 2
  kPrctl,       // prctl with PR_SET_TIMERSLACK, PR_SET_KEEPCAPS or PR_SET_SECUREBITS
  kPeer,        // getsockopt(SOL_SOCKET, SO_PEERCRED)
  kGetsockopt,  // socketcall(2) with any getsockopt: its arguments lie in memory
};

// How the call's structures and ids look in the caller's memory.
enum class Layout : std::uint8_t {
  kNative,   // this machine's
  kI386,     // 32-bit ids, struct stat64
  kI386Old,  // 16-bit ids, the struct stat of 32 bits, times of 32 bits
};

struct CallRow {
  int number = 0;
  Call call = Call::kMissing;
  When when = When::kAlways;
  Layout layout = Layout::kNative;
};

struct CallTable {
  std::uint32_t architecture = 0;  // AUDIT_ARCH_…
  std::span<const CallRow> rows;
};

// This machine's architecture first; on x86-64 i386 as well. x32 is refused by the filter.
std::span<const CallTable> call_tables();

// The row of a call, or nullptr.
const CallRow* find_call(std::uint32_t architecture, int number);

}  // namespace shale::runtime
