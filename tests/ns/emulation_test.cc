// SPDX-License-Identifier: Apache-2.0
// Root emulation: what a sandbox with one id takes its files and itself for, and what it leaves behind.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "runtime/emulation/owner_record.h"
#include "sandbox_fixture.h"
#include "sys/files.h"
#include "sys/overlay.h"

namespace shale::test {
namespace {

using runtime::JournalEntry;
using runtime::OwnerRecord;
using runtime::SandboxOutcome;
using runtime::SandboxSpec;

class EmulationTest : public SandboxTest {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
    const auto bytes = sys::read_file(AT_FDCWD, SHALE_TEST_PROBE);
    ASSERT_TRUE(bytes);
    ASSERT_TRUE(sys::make_dir(AT_FDCWD, dirs_.upper + "/bin", 0755));
    ASSERT_TRUE(sys::replace_file(AT_FDCWD, dirs_.upper + "/bin/probe", *bytes, 0755));
    ASSERT_EQ(::chmod(dirs_.upper.c_str(), 0755), 0);
    journal_ = UniqueFd(::memfd_create("journal", MFD_CLOEXEC));
  }
  void TearDown() override {
    journal_.reset();
    SandboxTest::TearDown();
  }

  SandboxSpec emulated(SandboxSpec spec) {
    spec.emulate_ids = true;
    spec.journal_fd = journal_.get();
    return spec;
  }
  std::string output(const std::string& script) { return run(emulated(shell(script))).out; }
  std::string probe(const std::string& verb) { return run(emulated(command({"probe", verb}))).out; }

  [[nodiscard]] OwnerRecord owner_on_disk(const std::string& path) const {
    return runtime::read_owner((dirs_.upper + "/" + path).c_str());
  }
  [[nodiscard]] std::map<std::string, OwnerRecord> journal() const {
    std::string text(65536, '\0');
    const ssize_t size = ::pread(journal_.get(), text.data(), text.size(), 0);
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    std::map<std::string, OwnerRecord> out;
    for (JournalEntry& entry : runtime::parse_journal(text)) out.emplace(std::move(entry.path), entry.owner);
    return out;
  }

  UniqueFd journal_;
};

TEST_F(EmulationTest, OwnersAreSeenAndRecorded) {
  EXPECT_EQ(
      output(
          "cd /tmp; touch a; mkdir d; chown 33:44 a; chown 5 d; chown :6 d; stat -c '%n %u:%g' a d; id -u"),
      "a 33:44\nd 5:6\n0\n");
  EXPECT_EQ(owner_on_disk("tmp/a"), (OwnerRecord{.uid = 33, .gid = 44}));
  EXPECT_EQ(owner_on_disk("tmp/d"), (OwnerRecord{.uid = 5, .gid = 6}));
}

TEST_F(EmulationTest, GivingAFileBackToRootLeavesNoTrace) {
  EXPECT_EQ(output("cd /tmp; touch a; chown 33:44 a; chown 0:0 a; stat -c '%u:%g' a"), "0:0\n");
  EXPECT_LT(::getxattr((dirs_.upper + "/tmp/a").c_str(), runtime::kOwnerXattr, nullptr, 0), 0);
}

TEST_F(EmulationTest, OwnersOfLowerFilesSurviveTheirCopyUp) {
  EXPECT_EQ(
      output(
          "chown 7:8 /etc/passwd; echo more >> /etc/passwd; mv /etc/passwd /etc/p; stat -c '%u:%g' /etc/p"),
      "7:8\n");
  EXPECT_EQ(owner_on_disk("etc/p"), (OwnerRecord{.uid = 7, .gid = 8}));
}

TEST_F(EmulationTest, ChownClearsSetIdBitsAsTheKernelDoes) {
  EXPECT_EQ(
      output("cd /tmp; touch a; chmod 6755 a; chown 3 a; stat -c '%a' a; chmod 4755 a; stat -c '%a %u' a"),
      "755\n4755 3\n");
}

TEST_F(EmulationTest, LinksAndFifosAreInTheJournalUnderTheirLastNames) {
  EXPECT_EQ(
      output(
          "mkdir /tmp/d; cd /tmp/d; ln -s x l; mknod f p; chown -h 3:4 l; chown 5:6 f; mv l m; "
          "mv /tmp/d /tmp/e; stat -c '%n %u:%g' /tmp/e/m /tmp/e/f; ln -s y /tmp/gone; chown -h 9 /tmp/gone; "
          "rm /tmp/gone"),
      "/tmp/e/m 3:4\n/tmp/e/f 5:6\n");
  const auto owners = journal();
  EXPECT_EQ(owners.size(), 2U);
  EXPECT_EQ(owners.at("tmp/e/m"), (OwnerRecord{.uid = 3, .gid = 4}));
  EXPECT_EQ(owners.at("tmp/e/f"), (OwnerRecord{.uid = 5, .gid = 6}));
}

TEST_F(EmulationTest, TheJournalOfTheLayersBelowIsBelieved) {
  SandboxSpec spec =
      emulated(shell("stat -c '%u:%g' /bin/sh; mv /bin/sh /bin/sh2; stat -c '%u:%g' /bin/sh2"));
  runtime::append_journal_entry(spec.owner_journal, {"bin/sh", {.uid = 11, .gid = 12}});
  EXPECT_EQ(run(spec).out, "11:12\n11:12\n");
  EXPECT_EQ(journal().at("bin/sh2"), (OwnerRecord{.uid = 11, .gid = 12}));
}

TEST_F(EmulationTest, AnotherFileUnderALowerLinksNameHasNotItsOwner) {
  SandboxSpec spec =
      emulated(shell("busybox rm /bin/wc; busybox ln -s busybox /bin/wc; stat -c '%u:%g' /bin/wc; "
                     "mv /bin/tty /bin/dd; stat -c '%u:%g' /bin/dd"));
  for (const char* name : {"bin/wc", "bin/dd"})
    runtime::append_journal_entry(spec.owner_journal, {name, {.uid = 11, .gid = 12}});
  EXPECT_EQ(run(spec).out, "0:0\n0:0\n");
  EXPECT_TRUE(journal().empty());
}

// Overlayfs makes each name of a lower file that is changed a file of its own.
TEST_F(EmulationTest, TheNamesOfALowerLinkGetOwnersOfTheirOwn) {
  const std::string lower = dirs_.lower + "/names";
  ASSERT_TRUE(sys::make_dir(AT_FDCWD, lower, 0755));
  ASSERT_EQ(::symlink("x", (lower + "/a").c_str()), 0);
  for (const char* name : {"/b", "/c", "/d"})
    ASSERT_EQ(::link((lower + "/a").c_str(), (lower + name).c_str()), 0);
  SandboxSpec spec =
      emulated(shell("cd /names; chown -h 5:6 b; chown -h 7:8 d; mv c e; stat -c '%n %u:%g' a b d e"));
  for (const char* name : {"names/a", "names/b", "names/c", "names/d"})
    runtime::append_journal_entry(spec.owner_journal, {name, {.uid = 7, .gid = 8}});
  EXPECT_EQ(run(spec).out, "a 7:8\nb 5:6\nd 7:8\ne 7:8\n");
  const auto owners = journal();
  EXPECT_EQ(owners.at("names/b"), (OwnerRecord{.uid = 5, .gid = 6}));
  EXPECT_EQ(owners.at("names/d"), (OwnerRecord{.uid = 7, .gid = 8}));
  EXPECT_EQ(owners.at("names/e"), (OwnerRecord{.uid = 7, .gid = 8}));
  for (const char* name : {"/a", "/b", "/c", "/d"}) ::unlink((lower + name).c_str());
  ::rmdir(lower.c_str());
}

// A root of its own, entered by the last command: names are told from the sandbox's all the same.
TEST_F(EmulationTest, TheJournalIsOfTheSandboxAfterAChroot) {
  EXPECT_EQ(output("ln -s x /tmp/l; chown -h 3:4 /tmp/l; mkdir -p /tmp/j/bin; cp /bin/busybox /tmp/j/bin/; "
                   "ln -s y /tmp/j/m; chown -h 5:6 /tmp/j/m; "
                   "exec busybox chroot /tmp/j /bin/busybox stat -c '%n %u:%g' /m /bin"),
            "/m 5:6\n/bin 0:0\n");
  EXPECT_EQ(journal(), (std::map<std::string, OwnerRecord>{{"tmp/l", {.uid = 3, .gid = 4}},
                                                           {"tmp/j/m", {.uid = 5, .gid = 6}}}));
}

TEST_F(EmulationTest, WhatMakesNothingChangesNoOwner) {
  EXPECT_EQ(probe("makes-nothing"),
            "path 1:2\nslash EISDIR\nnothing ENOENT\nlink ENOENT\nfifo ENOENT\ndirectory 0:9\n");
}

// With a root on a file system without attributes.
class BareEmulationTest : public EmulationTest {
 protected:
  void SetUp() override {
    EmulationTest::SetUp();
    bare_ = dirs_.work + "/bare";
    ASSERT_TRUE(sys::make_dir(AT_FDCWD, bare_, 0755));
    ASSERT_EQ(::mount("ramfs", bare_.c_str(), "ramfs", 0, nullptr), 0);
    for (const char* name : {"bin", "proc", "dev", "sys", "etc", "tmp"})
      ASSERT_TRUE(sys::make_dir(AT_FDCWD, bare_ + "/" + name, 0755));
    const auto bytes = sys::read_file(AT_FDCWD, dirs_.lower + "/bin/busybox");
    ASSERT_TRUE(bytes);
    ASSERT_TRUE(sys::replace_file(AT_FDCWD, bare_ + "/bin/busybox", *bytes, 0755));
    for (const char* applet : {"sh", "stat", "chown", "ln", "rm", "mv", "mkdir", "touch", "mknod"})
      ASSERT_EQ(::symlink("busybox", (bare_ + "/bin/" + applet).c_str()), 0);
    ASSERT_EQ(::chmod((bare_ + "/tmp").c_str(), 01777), 0);
    ASSERT_EQ(::chmod(bare_.c_str(), 0755), 0);
    ASSERT_FALSE(runtime::read_attribute((bare_ + "/bin/busybox").c_str()));
  }
  void TearDown() override {
    ASSERT_EQ(::umount2(bare_.c_str(), MNT_DETACH), 0);
    EmulationTest::TearDown();
  }

  std::string bare_output(const std::string& script, const std::vector<JournalEntry>& below = {},
                          std::uint32_t id = 0) {
    SandboxSpec spec = emulated(shell("cd /tmp; " + script));
    auto root = sys::clone_mount(AT_FDCWD, bare_, false);
    EXPECT_TRUE(root) << root.error().to_line();
    spec.root_fd = root->get();
    spec.uid = spec.gid = id;
    for (const JournalEntry& entry : below) runtime::append_journal_entry(spec.owner_journal, entry);
    return run(spec).out;
  }

  std::string bare_;
};

TEST_F(BareEmulationTest, FilesAreInTheJournalUnderAllTheirLastNames) {
  EXPECT_EQ(bare_output("touch a gone; mkdir d; chown 1:2 a gone; chown 3:4 d; chown 5:6 /; rm gone; "
                        "ln a d/b; ln a c; rm a; mv d e; mknod n c 1 3; stat -c '%n %F %u:%g' e/b c e n /"),
            "e/b regular empty file 1:2\nc regular empty file 1:2\ne directory 3:4\n"
            "n character special file 0:0\n/ directory 5:6\n");
  EXPECT_EQ(journal(), (std::map<std::string, OwnerRecord>{
                           {"", {.uid = 5, .gid = 6}},
                           {"tmp/c", {.uid = 1, .gid = 2}},
                           {"tmp/e", {.uid = 3, .gid = 4}},
                           {"tmp/e/b", {.uid = 1, .gid = 2}},
                           {"tmp/n", {.device = 'c', .dev_major = 1, .dev_minor = 3}},
                       }));
}

TEST_F(BareEmulationTest, WhatOthersMakeAndLinkIsTheirs) {
  EXPECT_EQ(
      bare_output("echo 1 >t; ln t kept; rm t; mkdir d; mv kept d/kept; stat -c '%n %u' d d/kept", {}, 7),
      "d 7\nd/kept 7\n");
  EXPECT_EQ(journal(), (std::map<std::string, OwnerRecord>{{"tmp/d", {.uid = 7, .gid = 7}},
                                                           {"tmp/d/kept", {.uid = 7, .gid = 7}}}));
}

TEST_F(BareEmulationTest, OwnersFromBelowStayWithTheirFilesAndNotWithTheirNames) {
  for (const char* name : {"a", "b", "c"})
    ASSERT_TRUE(sys::replace_file(AT_FDCWD, bare_ + "/tmp/" + name, "", 0644));
  const OwnerRecord owner{.uid = 11, .gid = 12};
  EXPECT_EQ(bare_output("mv a moved; touch a; rm b; touch b; chown 0:0 c; stat -c '%n %u:%g' moved a b c",
                        {{"tmp/a", owner}, {"tmp/b", owner}, {"tmp/c", owner}, {"tmp/missing", owner}}),
            "moved 11:12\na 0:0\nb 0:0\nc 0:0\n");
  EXPECT_EQ(journal(), (std::map<std::string, OwnerRecord>{{"tmp/moved", owner}, {"tmp/c", {}}}));
}

// More deleted files than descriptors: none may keep one.
TEST_F(BareEmulationTest, DeletedFilesTakeNoDescriptors) {
  struct rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const struct rlimit few{.rlim_cur = 600, .rlim_max = 600};
  const std::string script =
      "i=0; while [ $i -lt 1500 ]; do echo >f || exit 1; rm f; i=$((i + 1)); done; echo done";
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::setrlimit(RLIMIT_NOFILE, &few);
    ::_exit(bare_output(script, {}, 7) == "done\n" ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(EmulationTest, DevicesAreFilesThatSayTheyAreDevices) {
  EXPECT_EQ(output("mknod /tmp/null c 1 3; chmod 640 /tmp/null; stat -c '%F %t:%T %a' /tmp/null"),
            "character special file 1:3 640\n");
  EXPECT_EQ(owner_on_disk("tmp/null"), (OwnerRecord{.device = 'c', .dev_major = 1, .dev_minor = 3}));
  EXPECT_EQ(output("mknod /tmp/w c 0 0; echo $?").substr(0, 5), "mknod");
}

TEST_F(EmulationTest, IdentitiesFollowTheKernelsRules) {
  EXPECT_EQ(probe("identities"),
            "start: 0,0,0,0 0,0,0,0\nsetgroups ok\ngroups 2: 7 9\nseteuid ok\nlowered: 0,100,0,100 0,0,0,0\n"
            "setgroups EPERM\nback ok\ngid ok\nuid ok\ndropped: 10,11,12,11 5,6,7,6\nuid 0 EPERM\nuid 12 ok\n"
            "saved: 10,12,12,12 5,6,7,6\nslack ok\nafter the slack: 10,12,12,12 5,6,7,6\n"
            "orphan: 10,12,12,12 5,6,7,6\n");
}

TEST_F(EmulationTest, CapabilitiesAreKeptUntilTheNextProgramIfAskedFor) {
  EXPECT_EQ(probe("keeps"),
            "keep ok\nuid ok\ngid ok\ngroups ok\ndropped: 10,10,10,10 11,11,11,11\nuid 0 EPERM\ngid 13 ok\n"
            "executed: gid EPERM\n");
}

TEST_F(EmulationTest, ProcessesBelongToTheirUserInProc) {
  SandboxSpec spec = emulated(shell(
      "stat -L -c '%u:%g' /proc/self /proc/$$; [ $(stat -c '%u' /proc/uptime) = 1000 ] || echo not uptime"));
  spec.uid = 1000;
  spec.gid = 1001;
  EXPECT_EQ(run(spec).out, "1000:1001\n1000:1001\nnot uptime\n");
}

TEST_F(EmulationTest, WhatIsClosedToAUserIsNotExecuted) {
  ASSERT_TRUE(sys::replace_file(AT_FDCWD, dirs_.upper + "/bin/closed", "#!/bin/sh\n", 0700));
  SandboxSpec spec =
      emulated(shell("cd /tmp; cp /bin/busybox busybox; chmod 700 busybox; ./busybox echo mine; "
                     "/bin/closed; echo $?"));
  spec.uid = 1000;
  EXPECT_EQ(run(spec).out, "mine\nsh: /bin/closed: Permission denied\n126\n");
}

TEST_F(EmulationTest, WhatOthersCouldNotWriteGetsNoFurtherName) {
  const auto setting = sys::read_file(AT_FDCWD, "/proc/sys/fs/protected_hardlinks");
  if (!setting || *setting != "1\n") GTEST_SKIP() << "this host lets everybody";
  SandboxSpec spec =
      emulated(shell("cd /tmp; echo >mine; ln mine name && echo linked; ln /etc/passwd p || echo not"));
  spec.uid = 1000;
  EXPECT_EQ(run(spec).out, "linked\nln: p: Operation not permitted\nnot\n");
}

TEST_F(EmulationTest, AUserChangesAndEntersOnlyWhatItMay) {
  const std::string closed = dirs_.upper + "/closed";
  ASSERT_TRUE(sys::make_dir(AT_FDCWD, closed, 0700));
  for (const std::string& file : {closed + "/open", dirs_.upper + "/roots"}) {
    ASSERT_TRUE(sys::replace_file(AT_FDCWD, file, "x\n", 0666));
    ASSERT_EQ(::chmod(file.c_str(), 0666), 0);
  }
  ASSERT_EQ(::symlink("/closed/open", (dirs_.upper + "/way").c_str()), 0);
  ASSERT_EQ(::symlink("/etc/new", (dirs_.upper + "/nowhere").c_str()), 0);
  SandboxSpec spec = emulated(shell(
      "cd /; touch /tmp/mine; for call in 'chmod 600 roots' 'touch -d 2020-01-01 roots' 'touch roots' "
      "'cat closed/open' 'cat way' 'ls closed/none' 'ls closed/..' 'touch nowhere' 'chmod 640 /tmp/mine'; do "
      "$call 2>&1; echo $?; done; cd closed 2>&1; probe closed"));
  spec.uid = 1000;
  EXPECT_EQ(
      run(spec).out,
      "chmod: roots: Operation not permitted\n1\ntouch: roots: Operation not permitted\n1\n0\n"
      "cat: can't open 'closed/open': Permission denied\n1\ncat: can't open 'way': Permission denied\n1\n"
      "ls: closed/none: Permission denied\n1\nls: closed/..: Permission denied\n1\n"
      "touch: nowhere: Permission denied\n1\n0\n"
      "sh: cd: line 0: can't cd to closed: Permission denied\nEACCES\n");
  EXPECT_FALSE(sys::read_file(AT_FDCWD, dirs_.upper + "/etc/new"));
}

TEST_F(EmulationTest, TheCommandStartsAsTheUserOfItsSpec) {
  SandboxSpec spec = emulated(shell("id; touch /tmp/mine; stat -c '%u:%g' /tmp/mine; touch /etc/x 2>&1"));
  spec.uid = 1000;
  spec.gid = 1001;
  spec.groups = {7, 8};
  EXPECT_EQ(run(spec).out,
            "uid=1000(app) gid=1001 groups=7,8\n1000:1001\ntouch: /etc/x: Permission denied\n");
  EXPECT_EQ(owner_on_disk("tmp/mine"), (OwnerRecord{.uid = 1000, .gid = 1001}));
}

TEST_F(EmulationTest, SetUserIdProgramsGainTheirOwner) {
  EXPECT_EQ(output("cat /bin/busybox > /tmp/id; chown 42:43 /tmp/id; chmod 6755 /tmp/id; /tmp/id; echo $?; "
                   "chmod 755 /tmp/id; /tmp/id"),
            "uid=0(root) gid=0 euid=42 egid=43\n0\nuid=0(root) gid=0\n");
}

TEST_F(EmulationTest, WhatOthersMakeIsTheirs) {
  EXPECT_EQ(
      probe("others"),
      "written 1, close-on-exec 1\n"
      "/tmp/theirs/excl: 21:9 100640\n/tmp/plain: 21:20 100640\n/tmp/theirs/dir: 21:9 42750\n"
      "/tmp/theirs/link: 21:9 120777\n/tmp/theirs/fifo: 21:9 10640\n/tmp/through: 21:20 100600\n"
      "etc EACCES\npasswd EACCES\naccess ok EACCES\nunlink EACCES\nchown EPERM\nchgrp ok\nmknod EPERM\n");
}

TEST_F(EmulationTest, RootsFilesInSetGroupIdDirectoriesGetTheirGroup) {
  EXPECT_EQ(
      output(
          "cd /tmp; mkdir d; chown 0:50 d; chmod 2775 d; touch d/f; mkdir d/e; stat -c '%u:%g %a' d/f d/e"),
      "0:50 644\n0:50 2755\n");
}

TEST_F(EmulationTest, ItsAttributesAreNotThere) {
  EXPECT_EQ(probe("attributes"),
            "set EPERM\nown ok\nlist user.mine 10 10\nget ENODATA\nremove ENODATA\nowner 3:4\n");
}

#ifdef __x86_64__
// Whether this kernel serves 32-bit calls: one without CONFIG_IA32_EMULATION, or started with
// ia32_emulation=0, ends who makes one.
bool serves_i386() {
  const pid_t pid = ::fork();
  if (pid == 0) {
    long result = 20;  // getpid
    asm volatile("int $0x80" : "+a"(result) : : "memory");
    ::_exit(result > 0 ? 0 : 1);
  }
  int status = 0;
  return pid > 0 && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(EmulationTest, ThirtyTwoBitProgramsAreServed) {
  if (!serves_i386()) GTEST_SKIP() << "this kernel serves no 32-bit programs";
  EXPECT_EQ(probe("i386"),
            "open 1\nfchown32 0\nstat64 70000:70001 100640\nstat 65534:65534\nchown 0\nnative 33:70001\n"
            "setgid32 0\nsetuid32 0\ngetuid32 33 getuid 33 getgid32 44\nsetuid32 -1\n"
            "getsockopt 0: 33 44\nsocketcall 0: 33 44\ntype 0 1\n");
}
#endif

TEST_F(EmulationTest, PeersAreWhoTheyTakeThemselvesFor) { EXPECT_EQ(probe("peer"), "me 77 12\n"); }

TEST_F(EmulationTest, ThreadsThatRaceGainNothingAndHangNothing) { EXPECT_EQ(probe("race"), "survived\n"); }

TEST_F(EmulationTest, SignalsDoNotDisturb) { EXPECT_EQ(probe("signals"), "answered\n"); }

TEST_F(EmulationTest, NothingIsFollowedThatTheCallerCouldNotFollow) {
  EXPECT_EQ(probe("traps"),
            "/proc/1/exe: EACCES\n/proc/1/root/etc/passwd: EACCES\n/proc/self/exe: ok\n/proc/1/fd/4: EACCES\n"
            "/tmp/fifo: ok\n/dev/stdout: ok\n/nowhere: ENOENT\n: "
            "ENOENT\n/dev/null/x: ENOTDIR\n"
            "bad pointer: EFAULT\nbad descriptor: EBADF\n");
}

TEST_F(EmulationTest, ChangedRootsAreRespected) {
  EXPECT_EQ(
      output("mkdir -p /tmp/r/bin /tmp/r/etc; cat /bin/busybox > /tmp/r/bin/sh; chmod 755 /tmp/r/bin/sh; "
             "echo inner > /tmp/r/etc/f; echo outer > /etc/f; busybox chroot /tmp/r /bin/sh -c 'busybox() { "
             "sh \"$@\"; }; cd /etc; chown 5 /etc/f' ; stat -c '%n %u' /etc/f /tmp/r/etc/f"),
      "/etc/f 0\n/tmp/r/etc/f 5\n");
}

TEST_F(EmulationTest, AKilledMonitorTakesTheSandboxAlong) {
  auto pipe = sys::make_pipe();
  SandboxSpec spec = emulated(shell("exec 2>&-; while :; do stat /etc/passwd > /tmp/out; done"));
  spec.stdout_fd = spec.stderr_fd = pipe->second.get();
  auto sandbox = launcher().start(spec);
  ASSERT_TRUE(sandbox);
  pipe->second.reset();
  ::usleep(200'000);
  sandbox->kill();
  EXPECT_EQ(sys::read_fd(pipe->first.get(), "output").value(), "") << "the end comes when nobody is left";
  EXPECT_EQ(sandbox->finish()->kind, SandboxOutcome::Kind::kKilled);
}

}  // namespace
}  // namespace shale::test
