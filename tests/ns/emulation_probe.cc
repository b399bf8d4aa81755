// SPDX-License-Identifier: Apache-2.0
// A program for the tests of root emulation, run inside a sandbox: what busybox has no command for. Prints
// what it found; its first argument says what to do.
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>

namespace {

void show_ids(const char* when) {
  uid_t uid[3];
  gid_t gid[3];
  if (::getresuid(&uid[0], &uid[1], &uid[2]) != 0 || ::getresgid(&gid[0], &gid[1], &gid[2]) != 0)
    std::abort();
  std::printf("%s: %u,%u,%u,%d %u,%u,%u,%d\n", when, uid[0], uid[1], uid[2], ::setfsuid(-1U), gid[0], gid[1],
              gid[2], ::setfsgid(-1U));
}

const char* result(int value) { return value == 0 ? "ok" : ::strerrorname_np(errno); }

int identities() {
  show_ids("start");
  const gid_t groups[] = {9, 7};
  std::printf("setgroups %s\n", result(::setgroups(2, groups)));
  gid_t got[4] = {};
  const int count = ::getgroups(4, got);
  std::printf("groups %d: %u %u\n", count, got[0], got[1]);
  std::printf("seteuid %s\n", result(::seteuid(100)));
  show_ids("lowered");
  std::printf("setgroups %s\n", result(::setgroups(0, nullptr)));
  std::printf("back %s\n", result(::seteuid(0)));
  std::printf("gid %s\n", result(::setresgid(5, 6, 7)));
  std::printf("uid %s\n", result(::setresuid(10, 11, 12)));
  show_ids("dropped");
  std::printf("uid 0 %s\n", result(::setuid(0)));
  std::printf("uid 12 %s\n", result(::setuid(12)));
  show_ids("saved");
  std::printf("slack %s\n", result(::prctl(PR_SET_TIMERSLACK, 77)));
  show_ids("after the slack");
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    // The grandchild outlives its parent, and has never made a call that we were asked about.
    if (::fork() != 0) ::_exit(0);
    while (::getppid() != 1) ::usleep(1000);
    show_ids("orphan");
    std::fflush(stdout);
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  ::usleep(300'000);
  return 0;
}

// What setpriv(1) and daemons do that keep a capability: the user is changed before the groups.
int keeps() {
  std::printf("keep %s\n", result(::prctl(PR_SET_KEEPCAPS, 1)));
  std::printf("uid %s\n", result(::setresuid(10, 10, 10)));
  std::printf("gid %s\n", result(::setresgid(11, 11, 11)));
  const gid_t groups[] = {12};
  std::printf("groups %s\n", result(::setgroups(1, groups)));
  show_ids("dropped");
  // Without CAP_SETUID, by which one would get back.
  struct __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct sets[2] = {};
  if (::syscall(SYS_capget, &header, sets) != 0) return 1;
  sets[0].effective &= ~(1U << CAP_SETUID);
  if (::syscall(SYS_capset, &header, sets) != 0) return 2;
  std::printf("uid 0 %s\n", result(::setuid(0)));
  std::printf("gid 13 %s\n", result(::setgid(13)));
  std::fflush(stdout);
  ::execl("/bin/probe", "probe", "after-exec", nullptr);
  return 3;
}
int after_exec() {
  std::printf("executed: gid %s\n", result(::setgid(14)));
  return 0;
}

#ifdef __x86_64__
// A call of the 32-bit table, from a 64-bit program: what it points to must lie below 4 GiB.
long call_i386(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
  long out = number;
  asm volatile("int $0x80"
               : "+a"(out)
               : "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
               : "memory", "r8", "r9", "r10", "r11");
  return static_cast<int>(out);
}

int thirty_two_bits() {
  auto* low = static_cast<char*>(
      ::mmap(nullptr, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
  if (low == MAP_FAILED) return 1;
  const auto at = [&](std::size_t offset) {
    return static_cast<long>(reinterpret_cast<std::uintptr_t>(low + offset));
  };
  std::strcpy(low, "/tmp/i386");
  const long fd = call_i386(5, at(0), O_CREAT | O_RDWR, 0640);
  std::printf("open %d\n", fd >= 0);
  std::printf("fchown32 %ld\n", call_i386(207, fd, 70000, 70001));
  call_i386(195, at(0), at(1024));
  std::uint32_t ids[2];
  std::memcpy(ids, low + 1024 + 24, sizeof ids);
  std::uint32_t mode = 0;
  std::memcpy(&mode, low + 1024 + 16, sizeof mode);
  std::printf("stat64 %u:%u %o\n", ids[0], ids[1], mode);
  call_i386(106, at(0), at(2048));
  std::uint16_t old[2];
  std::memcpy(old, low + 2048 + 12, sizeof old);
  std::printf("stat %u:%u\n", old[0], old[1]);
  std::printf("chown %ld\n", call_i386(182, at(0), 33, -1));
  struct stat info{};
  ::stat(low, &info);
  std::printf("native %u:%u\n", info.st_uid, info.st_gid);
  std::printf("setgid32 %ld\n", call_i386(214, 44));
  std::printf("setuid32 %ld\n", call_i386(213, 33));
  std::printf("getuid32 %ld getuid %ld getgid32 %ld\n", call_i386(199), call_i386(24), call_i386(200));
  std::printf("setuid32 %ld\n", call_i386(213, 0));
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return 2;
  const std::uint32_t size = sizeof(struct ucred);
  for (const char* way : {"getsockopt", "socketcall"}) {
    std::memcpy(low + 4096, &size, sizeof size);
    const std::uint32_t arguments[] = {static_cast<std::uint32_t>(pair[0]), SOL_SOCKET, SO_PEERCRED,
                                       static_cast<std::uint32_t>(at(4200)),
                                       static_cast<std::uint32_t>(at(4096))};
    std::memcpy(low + 4300, arguments, sizeof arguments);
    const long done = *way == 'g' ? call_i386(365, pair[0], SOL_SOCKET, SO_PEERCRED, at(4200), at(4096))
                                  : call_i386(102, 15 /* SYS_GETSOCKOPT */, at(4300));
    struct ucred who{};
    std::memcpy(&who, low + 4200, sizeof who);
    std::memset(low + 4200, 0, sizeof who);
    std::printf("%s %ld: %u %u\n", way, done, who.uid, who.gid);
  }
  // Another option is the kernel's.
  const std::uint32_t other[] = {static_cast<std::uint32_t>(pair[0]), SOL_SOCKET, SO_TYPE,
                                 static_cast<std::uint32_t>(at(4200)), static_cast<std::uint32_t>(at(4096))};
  std::memcpy(low + 4300, other, sizeof other);
  std::printf("type %ld", call_i386(102, 15, at(4300)));
  std::printf(" %d\n", static_cast<int>(low[4200]));
  return 0;
}
#endif

// Threads that change what others are asking about, for as long as it takes to lose a race.
int race() {
  static volatile bool stop = false;
  const auto spin = [](void* what) -> void* {
    auto& work = *static_cast<std::function<void()>*>(what);
    while (!stop) work();
    return nullptr;
  };
  static char path[64] = "/tmp/race/a";
  ::mkdir("/tmp/race", 0777);
  std::function<void()> works[] = {
      [] {
        const int fd = ::open("/tmp/race/a", O_CREAT | O_RDWR, 0666);
        if (::fchown(fd, 5, 6) != 0) std::abort();
        ::close(fd);
        ::unlink("/tmp/race/a");
      },
      [] {
        struct stat info;
        if (::stat(path, &info) == 0 && info.st_uid != 0 && info.st_uid != 5) std::abort();
      },
      [] {
        // The name under the other's call.
        path[10] = 'b';
        path[10] = 'a';
        ::symlink("/etc/passwd", "/tmp/race/b");
        ::unlink("/tmp/race/b");
      },
      [] {
        const pid_t child = ::fork();
        if (child == 0) {
          struct stat info;
          for (;;) ::stat("/tmp/race/a", &info);
        }
        ::usleep(500);
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
      },
  };
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) ::pthread_create(&threads[i], nullptr, spin, &works[i]);
  ::sleep(2);
  stop = true;
  for (pthread_t thread : threads) ::pthread_join(thread, nullptr);
  std::puts("survived");
  return 0;
}

// Interrupted over and over while it asks.
int signals() {
  ::signal(SIGALRM, [](int) {});
  struct itimerval timer{.it_interval = {0, 200}, .it_value = {0, 200}};
  ::setitimer(ITIMER_REAL, &timer, nullptr);
  for (int i = 0; i < 20000; ++i) {
    struct stat info;
    if (::stat("/etc/passwd", &info) != 0) return 1;
    if (i % 100 == 0 && ::chown("/etc/passwd", static_cast<uid_t>(i), 0) != 0) return 2;
  }
  std::puts("answered");
  return 0;
}

int attributes() {
  std::printf("set %s\n", result(::setxattr("/etc/passwd", "user.shale.owner", "1:1", 3, 0)));
  std::printf("own %s\n", result(::setxattr("/etc/passwd", "user.mine", "x", 1, 0)));
  if (::chown("/etc/passwd", 3, 4) != 0) return 1;
  char list[256];
  const ssize_t size = ::listxattr("/etc/passwd", list, sizeof list);
  std::printf("list %s %zd %zd\n", size > 0 ? list : "", size, ::listxattr("/etc/passwd", nullptr, 0));
  std::printf("get %s\n",
              result(::getxattr("/etc/passwd", "user.shale.owner", list, sizeof list) < 0 ? -1 : 0));
  std::printf("remove %s\n", result(::removexattr("/etc/passwd", "user.shale.owner")));
  struct stat info;
  ::stat("/etc/passwd", &info);
  std::printf("owner %u:%u\n", info.st_uid, info.st_gid);
  return 0;
}

int made_by_others() {
  ::mkdir("/tmp/theirs", 0777);
  ::chmod("/tmp/theirs", 02777);
  if (::chown("/tmp/theirs", 8, 9) != 0 || ::chmod("/tmp/theirs", 02777) != 0) return 1;
  ::umask(027);
  if (::setresgid(20, 20, 20) != 0 || ::setresuid(21, 21, 21) != 0) return 2;
  const auto show = [](const char* path) {
    struct stat info;
    if (::lstat(path, &info) != 0) return (void)std::printf("%s: %s\n", path, ::strerrorname_np(errno));
    std::printf("%s: %u:%u %o\n", path, info.st_uid, info.st_gid, info.st_mode);
  };
  const int fd = ::open("/tmp/theirs/excl", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
  std::printf("written %zd, close-on-exec %d\n", ::write(fd, "x", 1), ::fcntl(fd, F_GETFD));
  ::close(::open("/tmp/plain", O_CREAT | O_WRONLY, 0666));
  ::mkdir("/tmp/theirs/dir", 0777);
  ::symlink("nowhere", "/tmp/theirs/link");
  ::mknod("/tmp/theirs/fifo", S_IFIFO | 0666, 0);
  ::symlink("through", "/tmp/dangling");
  ::close(::open("/tmp/dangling", O_CREAT | O_WRONLY, 0600));
  for (const char* path : {"/tmp/theirs/excl", "/tmp/plain", "/tmp/theirs/dir", "/tmp/theirs/link",
                           "/tmp/theirs/fifo", "/tmp/through"})
    show(path);
  std::printf("etc %s\n", result(::open("/etc/new", O_CREAT | O_WRONLY, 0666) < 0 ? -1 : 0));
  std::printf("passwd %s\n", result(::open("/etc/passwd", O_WRONLY) < 0 ? -1 : 0));
  std::printf("access %s %s\n", result(::access("/etc/passwd", R_OK)), result(::access("/etc/passwd", W_OK)));
  std::printf("unlink %s\n", result(::unlink("/etc/passwd")));
  std::printf("chown %s\n", result(::chown("/tmp/plain", 5, static_cast<gid_t>(-1))));
  std::printf("chgrp %s\n", result(::chown("/tmp/plain", static_cast<uid_t>(-1), 20)));
  std::printf("mknod %s\n", result(::mknod("/tmp/device", S_IFCHR | 0666, 0x103)));
  return 0;
}

// Calls that look as if they made a file, in a directory that hands its group on.
int makes_nothing() {
  ::mkdir("/tmp/shared", 0777);
  if (::chown("/tmp/shared", 8, 9) != 0 || ::chmod("/tmp/shared", 02777) != 0) return 1;
  ::close(::open("/tmp/shared/file", O_CREAT | O_WRONLY, 0644));
  if (::chown("/tmp/shared/file", 1, 2) != 0) return 2;
  struct stat info{};
  const int fd = ::open("/tmp/shared/file", O_PATH | O_CREAT | O_EXCL, 0644);
  if (fd < 0 || ::fstat(fd, &info) != 0) return 3;
  std::printf("path %u:%u\n", info.st_uid, info.st_gid);
  std::printf("slash %s\n", result(::open("/tmp/shared/new/", O_CREAT | O_WRONLY, 0644)));
  std::printf("nothing %s\n", result(::lstat("/tmp/shared/new", &info)));
  std::printf("link %s\n", result(::symlink("x", "/tmp/shared/link/")));
  std::printf("fifo %s\n", result(::mkfifo("/tmp/shared/fifo/", 0644)));
  if (::mkdir("/tmp/shared/dir/", 0755) != 0 || ::stat("/tmp/shared/dir", &info) != 0) return 4;
  std::printf("directory %u:%u\n", info.st_uid, info.st_gid);
  return 0;
}

int peer() {
  int pair[2];
  if (::setuid(77) != 0 || ::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return 1;
  struct ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return 2;
  std::printf("%s %u %u\n", who.pid == ::getpid() ? "me" : "somebody", who.uid, size);
  return 0;
}

// Paths that must not be followed with more rights than ours, and must not block.
int traps() {
  ::mkfifo("/tmp/fifo", 0666);
  for (const char* path : {"/proc/1/exe", "/proc/1/root/etc/passwd", "/proc/self/exe", "/proc/1/fd/4",
                           "/tmp/fifo", "/dev/stdout", "/nowhere", "", "/dev/null/x"}) {
    const int done = ::chown(path, 3, 3);
    std::printf("%s: %s\n", path, done == 0 ? "ok" : ::strerrorname_np(errno));
  }
  std::printf("bad pointer: %s\n", result(::chown(reinterpret_cast<const char*>(1), 3, 3)));
  std::printf("bad descriptor: %s\n", result(::fchown(99, 3, 3)));
  return 0;
}

// Whether what is behind a closed directory is there.
int closed() {
  std::puts(result(::access("/closed/open", F_OK)));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, int (*)()> verbs = {
      {"identities", identities},
      {"keeps", keeps},
      {"after-exec", after_exec},
      {"race", race},
      {"signals", signals},
      {"attributes", attributes},
      {"others", made_by_others},
      {"makes-nothing", makes_nothing},
      {"peer", peer},
      {"traps", traps},
      {"closed", closed},
#ifdef __x86_64__
      {"i386", thirty_two_bits},
#endif
  };
  const auto verb = verbs.find(argc > 1 ? argv[1] : "");
  return verb == verbs.end() ? 64 : verb->second();
}
