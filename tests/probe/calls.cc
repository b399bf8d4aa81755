// SPDX-License-Identifier: Apache-2.0
// Every system call by number, with arguments that cannot do anything: what is refused answers EPERM or
// ENOSYS, what is let through says what is wrong with the arguments. In a process each, because some end it
// or wait.
#include <linux/sched.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <string>

#include "findings.h"

namespace shale::probe {

namespace {

constexpr int kNumbers = 512;
using Names = std::array<const char*, kNumbers>;

// NOLINTNEXTLINE(readability-function-size): a table
constexpr Names native_names() {
  Names names{};
#define CALL(name, number) \
  if ((number) < kNumbers) names[static_cast<std::size_t>(number)] = #name;
#include "calls_native.inc"
  return names;
}

// Numbers above 423 are the same everywhere; these are newer than many a system's kernel headers.
constexpr std::pair<int, const char*> kRecent[] = {
    {450, "set_mempolicy_home_node"},
    {451, "cachestat"},
    {452, "fchmodat2"},
    {454, "futex_wake"},
    {455, "futex_wait"},
    {456, "futex_requeue"},
    {457, "statmount"},
    {458, "listmount"},
    {459, "lsm_get_self_attr"},
    {460, "lsm_set_self_attr"},
    {461, "lsm_list_modules"},
    {462, "mseal"},
    {463, "setxattrat"},
    {464, "getxattrat"},
    {465, "listxattrat"},
    {466, "removexattrat"},
    {467, "open_tree_attr"},
    {468, "file_getattr"},
    {469, "file_setattr"},
    {470, "listns"},
#if defined(__x86_64__)
    {335, "uretprobe"},
    {336, "uprobe"},
    {453, "map_shadow_stack"},
#endif
};

std::string name_of(const Names& names, int number) {
  if (const char* name = names[static_cast<std::size_t>(number)]; name != nullptr) return name;
  for (const auto& [recent, name] : kRecent)
    if (recent == number) return name;
  return std::to_string(number);
}

using Arguments = std::array<long, 5>;
constexpr Arguments kInvalid = {-1, -1, -1, -1, -1};

// Where -1 would not show it: the call itself answers ENOSYS, or it would make something.
Arguments arguments_of(std::string_view name) {
  if (name == "futex" || name == "futex_time64") return {1, 1, 0, 0, 0};  // an odd address
  if (name == "modify_ldt" || name == "brk") return {0, 0, 0, 0, 0};
  if (name == "personality") return {0xffffffff, 0, 0, 0, 0};  // asks
  if (name == "msgget") return {12345, 0, 0, 0, 0};
  if (name == "semget" || name == "shmget") return {12345, 0, 0, 0, 0};
  if (name == "socket") return {AF_UNIX, SOCK_STREAM, 0, 0, 0};
  if (name == "socketpair") return {AF_UNIX, SOCK_STREAM, 0, -1, 0};
  if (name == "socketcall" || name == "ipc") return {1, -1, -1, -1, -1};
  if (name == "landlock_create_ruleset") return {0, 0, 1, 0, 0};  // asks for the version
  return kInvalid;
}

// They end or divide the process, or wait for all disks; every sandbox allows them.
bool is_left_out(std::string_view name) {
  for (const char* left_out :
       {"exit", "exit_group", "fork", "vfork", "clone", "sync", "rt_sigreturn", "sigreturn"})
    if (name == left_out) return true;
  return false;
}

std::string answer(long result) { return result == -1 ? errno_name(errno) : "OK"; }

long native_call(int number, const Arguments& a) {
  return ::syscall(number, a[0], a[1], a[2], a[3], a[4], -1L);
}

#if defined(__x86_64__)
// NOLINTNEXTLINE(readability-function-size): a table
constexpr Names i386_names() {
  Names names{};
#include "calls_i386.inc"
  return names;
}

long i386_call(int number, const Arguments& a) {
  long result = number;
  asm volatile("int $0x80"
               : "+a"(result)
               : "b"(a[0]), "c"(a[1]), "d"(a[2]), "S"(a[3]), "D"(a[4])
               : "memory", "cc", "r8", "r9", "r10", "r11");
  const int signed_result = static_cast<int>(result);
  if (signed_result < 0 && signed_result > -4096) {
    errno = -signed_result;
    return -1;
  }
  return 0;
}

// socketcall takes its arguments from memory below 4 GiB.
long i386_socket(int family, int type) {
  constexpr int kSocketcall = 102;
  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (page == MAP_FAILED) return -1;
  auto* words = static_cast<std::int32_t*>(page);
  words[0] = family;
  words[1] = type;
  words[2] = 0;
  return i386_call(kSocketcall, {1, static_cast<long>(reinterpret_cast<std::intptr_t>(page)), 0, 0, 0});
}
#endif

template <typename Call>
void try_all(std::map<std::string, std::string>& items, const Names& names, Call call) {
  for (int number = 0; number < kNumbers; ++number) {
    const std::string name = name_of(names, number);
    if (is_left_out(name)) continue;
    items[name] = in_child([&] { return answer(call(number, arguments_of(name))); });
  }
}

// A family is there if any of its sockets can be had, or says that the type was wrong.
template <typename Socket>
std::string family_answer(Socket make) {
  std::string word;
  for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET}) {
    word = in_child([&] { return answer(make(type)); });
    if (word == "OK" || word == "EPROTONOSUPPORT" || word == "ESOCKTNOSUPPORT") return word;
  }
  return word;
}

void find_families(Findings& found) {
  for (int family = 0; family < 46; ++family) {  // AF_MAX
    const std::string number = std::to_string(family);
    found["socket family"][number] = family_answer([&](int type) { return ::socket(family, type, 0); });
#if defined(__x86_64__)
    found["socket family of i386"][number] =
        family_answer([&](int type) { return i386_socket(family, type); });
#endif
  }
}

constexpr std::pair<const char*, unsigned> kNamespaceFlags[] = {
    {"cgroup", CLONE_NEWCGROUP}, {"ipc", CLONE_NEWIPC},   {"mnt", CLONE_NEWNS}, {"net", CLONE_NEWNET},
    {"pid", CLONE_NEWPID},       {"user", CLONE_NEWUSER}, {"uts", CLONE_NEWUTS}};

void find_flags(Findings& found) {
  auto& items = found["argument"];
  for (const auto& [name, flag] : kNamespaceFlags) {
    items[std::string("unshare ") + name] =
        in_child([bits = flag] { return answer(::unshare(static_cast<int>(bits))); });
    items[std::string("clone ") + name] = in_child([bits = flag]() -> std::string {
      const long child = ::syscall(SYS_clone, static_cast<unsigned long>(bits) | SIGCHLD, 0, 0, 0, 0);
      if (child == 0) ::_exit(0);
      return answer(child);
    });
  }
  items["clone3 user"] = in_child([]() -> std::string {
    struct clone_args args{};
    args.flags = CLONE_NEWUSER;
    args.exit_signal = SIGCHLD;
    const long child = ::syscall(SYS_clone3, &args, sizeof args);
    if (child == 0) ::_exit(0);
    return answer(child);
  });
  // On no descriptor: what looks at the command first refuses it before it misses one. The kernel looks at 32
  // bits.
  for (const auto& [name, request] : {std::pair{"ioctl TIOCSTI", 0x5412UL},
                                      {"ioctl TIOCSTI above 32 bits", 0x100005412UL},
                                      {"ioctl TIOCLINUX", 0x541cUL}})
    items[name] = in_child([code = request] { return answer(::syscall(SYS_ioctl, -1, code, 0)); });
  for (const auto& [name, persona] : {std::pair{"personality ADDR_NO_RANDOMIZE", 0x40000UL},
                                      {"personality READ_IMPLIES_EXEC", 0x400000UL},
                                      {"personality MMAP_PAGE_ZERO", 0x100000UL}})
    items[name] = in_child([bits = persona] { return answer(::syscall(SYS_personality, bits)); });
#if defined(__x86_64__)
  constexpr int kX32 = 0x40000000;
  items["x32 getpid"] = in_child([] { return answer(::syscall(kX32 | SYS_getpid)); });
#endif
}

}  // namespace

void find_calls(Findings& found) {
  static constexpr Names kNative = native_names();
  try_all(found["call"], kNative, native_call);
#if defined(__x86_64__)
  static constexpr Names kI386 = i386_names();
  try_all(found["call of i386"], kI386, i386_call);
#endif
  find_families(found);
  find_flags(found);
}

}  // namespace shale::probe
