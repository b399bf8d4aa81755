// SPDX-License-Identifier: Apache-2.0
// The numbers: this machine's from its headers, those of i386 from the kernel's syscall_32.tbl.
#include "runtime/emulation/calls.h"

#include <linux/audit.h>
#include <sys/syscall.h>

#include <array>

namespace shale::runtime {

namespace {

// The hottest first: the filter is searched from its beginning.
constexpr CallRow kNativeRows[] = {
    {SYS_newfstatat, Call::kFstatat},
    {SYS_openat, Call::kOpenat, When::kWrites2},
    {SYS_fstat, Call::kFstat},
    {SYS_statx, Call::kStatx},
#ifdef SYS_stat
    {SYS_stat, Call::kStat},
    {SYS_lstat, Call::kLstat},
    {SYS_access, Call::kAccess, When::kAccess1},
    {SYS_open, Call::kOpen, When::kWrites1},
    {SYS_rename, Call::kRename},
    {SYS_unlink, Call::kUnlink},
    {SYS_rmdir, Call::kRmdir},
    {SYS_link, Call::kLink},
    {SYS_creat, Call::kCreat},
    {SYS_readlink, Call::kReadlink, When::kAsUser},
    {SYS_chmod, Call::kChmod, When::kAsUser},
    {SYS_utime, Call::kUtime, When::kAsUser},
    {SYS_utimes, Call::kUtimes, When::kAsUser},
    {SYS_futimesat, Call::kFutimesat, When::kAsUser},
    {SYS_mkdir, Call::kMkdir},
    {SYS_mknod, Call::kMknod},
    {SYS_symlink, Call::kSymlink},
    {SYS_chown, Call::kChown},
    {SYS_lchown, Call::kLchown},
#endif
#ifdef SYS_renameat
    {SYS_renameat, Call::kRenameat},
#endif
    {SYS_faccessat, Call::kFaccessat, When::kAccess2},
    {439 /* faccessat2 */, Call::kFaccessat, When::kAccess2},
    {437 /* openat2 */, Call::kOpenat2},
    {SYS_readlinkat, Call::kReadlinkat, When::kAsUser},
    {SYS_chdir, Call::kChdir, When::kAsUser},
    {SYS_fchmod, Call::kFchmod, When::kAsUser},
    {SYS_fchmodat, Call::kFchmodat, When::kAsUser},
    {452 /* fchmodat2 */, Call::kFchmodat2, When::kAsUser},
    {SYS_utimensat, Call::kUtimensat, When::kAsUser},
    {SYS_truncate, Call::kTruncate},
    {SYS_mkdirat, Call::kMkdirat},
    {SYS_mknodat, Call::kMknodat},
    {SYS_symlinkat, Call::kSymlinkat},
    {SYS_unlinkat, Call::kUnlinkat},
    {SYS_renameat2, Call::kRenameat},
    {SYS_linkat, Call::kLinkat},
    {SYS_fchown, Call::kFchown},
    {SYS_fchownat, Call::kFchownat},
    {SYS_getuid, Call::kGetuid},
    {SYS_geteuid, Call::kGeteuid},
    {SYS_getgid, Call::kGetgid},
    {SYS_getegid, Call::kGetegid},
    {SYS_getresuid, Call::kGetresuid},
    {SYS_getresgid, Call::kGetresgid},
    {SYS_getgroups, Call::kGetgroups},
    {SYS_setuid, Call::kSetuid},
    {SYS_setgid, Call::kSetgid},
    {SYS_setreuid, Call::kSetreuid},
    {SYS_setregid, Call::kSetregid},
    {SYS_setresuid, Call::kSetresuid},
    {SYS_setresgid, Call::kSetresgid},
    {SYS_setfsuid, Call::kSetfsuid},
    {SYS_setfsgid, Call::kSetfsgid},
    {SYS_setgroups, Call::kSetgroups},
    {SYS_getxattr, Call::kGetxattr},
    {SYS_lgetxattr, Call::kLgetxattr},
    {SYS_fgetxattr, Call::kFgetxattr},
    {SYS_setxattr, Call::kSetxattr},
    {SYS_lsetxattr, Call::kLsetxattr},
    {SYS_fsetxattr, Call::kFsetxattr},
    {SYS_removexattr, Call::kRemovexattr},
    {SYS_lremovexattr, Call::kLremovexattr},
    {SYS_fremovexattr, Call::kFremovexattr},
    {SYS_listxattr, Call::kListxattr},
    {SYS_llistxattr, Call::kLlistxattr},
    {SYS_flistxattr, Call::kFlistxattr},
    {SYS_execve, Call::kExecve},
    {SYS_execveat, Call::kExecveat},
    {SYS_chroot, Call::kChroot},
    {SYS_prctl, Call::kPrctl, When::kPrctl},
    {SYS_getsockopt, Call::kGetsockopt, When::kPeer},
    // setxattrat, getxattrat, listxattrat, removexattrat
    {463, Call::kMissing},
    {464, Call::kMissing},
    {465, Call::kMissing},
    {466, Call::kMissing},
};

#ifdef __x86_64__
constexpr CallRow kI386Rows[] = {
    {195, Call::kStat, When::kAlways, Layout::kI386},
    {196, Call::kLstat, When::kAlways, Layout::kI386},
    {197, Call::kFstat, When::kAlways, Layout::kI386},
    {300, Call::kFstatat, When::kAlways, Layout::kI386},
    {383, Call::kStatx, When::kAlways, Layout::kI386},
    {106, Call::kStat, When::kAlways, Layout::kI386Old},
    {107, Call::kLstat, When::kAlways, Layout::kI386Old},
    {108, Call::kFstat, When::kAlways, Layout::kI386Old},
    {212, Call::kChown, When::kAlways, Layout::kI386},
    {198, Call::kLchown, When::kAlways, Layout::kI386},
    {207, Call::kFchown, When::kAlways, Layout::kI386},
    {298, Call::kFchownat, When::kAlways, Layout::kI386},
    {182, Call::kChown, When::kAlways, Layout::kI386Old},
    {16, Call::kLchown, When::kAlways, Layout::kI386Old},
    {95, Call::kFchown, When::kAlways, Layout::kI386Old},
    {5, Call::kOpen, When::kWrites1, Layout::kI386},
    {295, Call::kOpenat, When::kWrites2, Layout::kI386},
    {437, Call::kOpenat2, When::kAlways, Layout::kI386},
    {8, Call::kCreat, When::kAlways, Layout::kI386},
    {39, Call::kMkdir, When::kAlways, Layout::kI386},
    {296, Call::kMkdirat, When::kAlways, Layout::kI386},
    {14, Call::kMknod, When::kAlways, Layout::kI386},
    {297, Call::kMknodat, When::kAlways, Layout::kI386},
    {83, Call::kSymlink, When::kAlways, Layout::kI386},
    {304, Call::kSymlinkat, When::kAlways, Layout::kI386},
    {10, Call::kUnlink, When::kAlways, Layout::kI386},
    {40, Call::kRmdir, When::kAlways, Layout::kI386},
    {301, Call::kUnlinkat, When::kAlways, Layout::kI386},
    {38, Call::kRename, When::kAlways, Layout::kI386},
    {302, Call::kRenameat, When::kAlways, Layout::kI386},
    {353, Call::kRenameat, When::kAlways, Layout::kI386},
    {9, Call::kLink, When::kAlways, Layout::kI386},
    {303, Call::kLinkat, When::kAlways, Layout::kI386},
    {33, Call::kAccess, When::kAccess1, Layout::kI386},
    {307, Call::kFaccessat, When::kAccess2, Layout::kI386},
    {439, Call::kFaccessat, When::kAccess2, Layout::kI386},
    {85, Call::kReadlink, When::kAsUser, Layout::kI386},
    {305, Call::kReadlinkat, When::kAsUser, Layout::kI386},
    {12, Call::kChdir, When::kAsUser, Layout::kI386},
    {15, Call::kChmod, When::kAsUser, Layout::kI386},
    {94, Call::kFchmod, When::kAsUser, Layout::kI386},
    {306, Call::kFchmodat, When::kAsUser, Layout::kI386},
    {452, Call::kFchmodat2, When::kAsUser, Layout::kI386},
    {30, Call::kUtime, When::kAsUser, Layout::kI386Old},
    {271, Call::kUtimes, When::kAsUser, Layout::kI386Old},
    {299, Call::kFutimesat, When::kAsUser, Layout::kI386Old},
    {320, Call::kUtimensat, When::kAsUser, Layout::kI386Old},
    {412, Call::kUtimensat, When::kAsUser, Layout::kI386},
    {92, Call::kTruncate, When::kAlways, Layout::kI386},
    {193, Call::kTruncate, When::kAlways, Layout::kI386},
    {229, Call::kGetxattr, When::kAlways, Layout::kI386},
    {230, Call::kLgetxattr, When::kAlways, Layout::kI386},
    {231, Call::kFgetxattr, When::kAlways, Layout::kI386},
    {226, Call::kSetxattr, When::kAlways, Layout::kI386},
    {227, Call::kLsetxattr, When::kAlways, Layout::kI386},
    {228, Call::kFsetxattr, When::kAlways, Layout::kI386},
    {235, Call::kRemovexattr, When::kAlways, Layout::kI386},
    {236, Call::kLremovexattr, When::kAlways, Layout::kI386},
    {237, Call::kFremovexattr, When::kAlways, Layout::kI386},
    {232, Call::kListxattr, When::kAlways, Layout::kI386},
    {233, Call::kLlistxattr, When::kAlways, Layout::kI386},
    {234, Call::kFlistxattr, When::kAlways, Layout::kI386},
    {199, Call::kGetuid, When::kAlways, Layout::kI386},
    {201, Call::kGeteuid, When::kAlways, Layout::kI386},
    {200, Call::kGetgid, When::kAlways, Layout::kI386},
    {202, Call::kGetegid, When::kAlways, Layout::kI386},
    {209, Call::kGetresuid, When::kAlways, Layout::kI386},
    {211, Call::kGetresgid, When::kAlways, Layout::kI386},
    {205, Call::kGetgroups, When::kAlways, Layout::kI386},
    {213, Call::kSetuid, When::kAlways, Layout::kI386},
    {214, Call::kSetgid, When::kAlways, Layout::kI386},
    {203, Call::kSetreuid, When::kAlways, Layout::kI386},
    {204, Call::kSetregid, When::kAlways, Layout::kI386},
    {208, Call::kSetresuid, When::kAlways, Layout::kI386},
    {210, Call::kSetresgid, When::kAlways, Layout::kI386},
    {215, Call::kSetfsuid, When::kAlways, Layout::kI386},
    {216, Call::kSetfsgid, When::kAlways, Layout::kI386},
    {206, Call::kSetgroups, When::kAlways, Layout::kI386},
    {24, Call::kGetuid, When::kAlways, Layout::kI386Old},
    {49, Call::kGeteuid, When::kAlways, Layout::kI386Old},
    {47, Call::kGetgid, When::kAlways, Layout::kI386Old},
    {50, Call::kGetegid, When::kAlways, Layout::kI386Old},
    {165, Call::kGetresuid, When::kAlways, Layout::kI386Old},
    {171, Call::kGetresgid, When::kAlways, Layout::kI386Old},
    {80, Call::kGetgroups, When::kAlways, Layout::kI386Old},
    {23, Call::kSetuid, When::kAlways, Layout::kI386Old},
    {46, Call::kSetgid, When::kAlways, Layout::kI386Old},
    {70, Call::kSetreuid, When::kAlways, Layout::kI386Old},
    {71, Call::kSetregid, When::kAlways, Layout::kI386Old},
    {164, Call::kSetresuid, When::kAlways, Layout::kI386Old},
    {170, Call::kSetresgid, When::kAlways, Layout::kI386Old},
    {138, Call::kSetfsuid, When::kAlways, Layout::kI386Old},
    {139, Call::kSetfsgid, When::kAlways, Layout::kI386Old},
    {81, Call::kSetgroups, When::kAlways, Layout::kI386Old},
    {11, Call::kExecve, When::kAlways, Layout::kI386},
    {358, Call::kExecveat, When::kAlways, Layout::kI386},
    {61, Call::kChroot, When::kAlways, Layout::kI386},
    {172, Call::kPrctl, When::kPrctl, Layout::kI386},
    {365, Call::kGetsockopt, When::kPeer, Layout::kI386},
    {102, Call::kSocketcall, When::kGetsockopt, Layout::kI386},
    {463, Call::kMissing, When::kAlways, Layout::kI386},
    {464, Call::kMissing, When::kAlways, Layout::kI386},
    {465, Call::kMissing, When::kAlways, Layout::kI386},
    {466, Call::kMissing, When::kAlways, Layout::kI386},
};
#endif

#if defined(__x86_64__)
constexpr CallTable kTables[] = {{AUDIT_ARCH_X86_64, kNativeRows}, {AUDIT_ARCH_I386, kI386Rows}};
#elif defined(__aarch64__)
constexpr CallTable kTables[] = {{AUDIT_ARCH_AARCH64, kNativeRows}};
#elif defined(__riscv) && __riscv_xlen == 64
constexpr CallTable kTables[] = {{AUDIT_ARCH_RISCV64, kNativeRows}};
#else
constexpr std::span<const CallTable> kTables;
#endif

}  // namespace

std::span<const CallTable> call_tables() { return kTables; }

const CallRow* find_call(std::uint32_t architecture, int number) {
  for (const CallTable& table : call_tables()) {
    if (table.architecture != architecture) continue;
    for (const CallRow& row : table.rows)
      if (row.number == number) return &row;
  }
  return nullptr;
}

}  // namespace shale::runtime
