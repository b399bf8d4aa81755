// SPDX-License-Identifier: Apache-2.0
// The parts of root emulation that need no sandbox: records, the rules for ids, the filter.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "runtime/emulation/calls.h"
#include "runtime/emulation/credentials.h"
#include "runtime/emulation/filter.h"
#include "runtime/emulation/owner_record.h"
#include "support/bpf_evaluator.h"

namespace shale::runtime {
namespace {

TEST(OwnerRecordTest, TextHoldsAllOfIt) {
  const OwnerRecord owner{.uid = 4294967294, .gid = 7};
  EXPECT_EQ(format_owner(owner), "4294967294:7");
  EXPECT_EQ(parse_owner("4294967294:7"), owner);
  const OwnerRecord device{.uid = 1, .gid = 2, .device = 'b', .dev_major = 8, .dev_minor = 1};
  EXPECT_EQ(format_owner(device), "1:2:b:8:1");
  EXPECT_EQ(parse_owner("1:2:b:8:1"), device);
}

TEST(OwnerRecordTest, NothingElseIsTaken) {
  for (const char* text : {"", "1", "1:", ":1", "1:2:", "1:2:x:1:1", "1:2:c", "1:2:c:1", "1:2:c:1:2:3",
                           "4294967296:0", "-1:0", " 1:2", "1:2 "})
    EXPECT_FALSE(parse_owner(text)) << text;
}

TEST(OwnerRecordTest, JournalsKeepPathsWithAnyBytes) {
  std::string journal;
  append_journal_entry(journal, {"a b\n\xff", {.uid = 1, .gid = 2}});
  append_journal_entry(journal, {"c", {.uid = 3}});
  const std::vector<JournalEntry> entries = parse_journal(journal);
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].path, "a b\n\xff");
  EXPECT_EQ(entries[0].owner, (OwnerRecord{.uid = 1, .gid = 2}));
  EXPECT_EQ(entries[1].path, "c");
  EXPECT_TRUE(parse_journal(std::string("nonsense\0more", 13)).empty());
}

TEST(CredentialsTest, SetreuidMovesTheSavedIdAsTheKernelDoes) {
  UserIds ids;
  EXPECT_TRUE(ids.set_real_effective(kKeepId, 5, true));
  EXPECT_EQ(ids, (UserIds{0, 5, 5, 5}));
  EXPECT_TRUE(ids.set_real_effective(5, 0, false)) << "the real id is among those it may become";
  EXPECT_EQ(ids, (UserIds{5, 0, 0, 0}));
  EXPECT_FALSE(ids.set_real_effective(6, kKeepId, false));
}

TEST(CredentialsTest, CapabilitiesStayWithWhoAskedForThemAndIsNotRootAnyMore) {
  Credentials one{.keeps_capabilities = true};
  const auto become = [&](std::uint32_t id) {
    const UserIds before = one.user;
    one.user = {id, id, id, id};
    one.follow_user(before);
    return one.kept_capabilities;
  };
  EXPECT_TRUE(become(5));
  one.keeps_capabilities = false;
  EXPECT_TRUE(become(6)) << "the last change was the one that counts";
  EXPECT_FALSE(become(0));
  EXPECT_FALSE(become(5));
}

TEST(CredentialsTest, PermissionIsOfTheFirstClassThatFits) {
  const Credentials user{.user = {7, 7, 7, 7}, .group = {8, 8, 8, 8}, .groups = {20}};
  const OwnerRecord own{.uid = 7, .gid = 20};
  EXPECT_FALSE(user.permits(own, S_IFREG | 0077, R_OK))
      << "the owner's bits count, though the group's would allow it";
  EXPECT_TRUE(user.permits({.uid = 0, .gid = 20}, S_IFREG | 0060, R_OK | W_OK));
  EXPECT_FALSE(user.permits({.uid = 0, .gid = 21}, S_IFREG | 0775, W_OK));
  const Credentials root;
  EXPECT_TRUE(root.permits(own, S_IFREG | 0, R_OK | W_OK));
  EXPECT_FALSE(root.permits(own, S_IFREG | 0644, X_OK));
}

TEST(CredentialsTest, EqualCredentialsHaveOneNumber) {
  CredentialTable table{Credentials{}};
  EXPECT_TRUE(table.only_initial());
  const Credentials other{.user = {1, 1, 1, 1}};
  EXPECT_EQ(table.number_of(other), 1U);
  EXPECT_EQ(table.number_of(other), 1U);
  EXPECT_EQ(table.number_of({}), 0U);
  EXPECT_EQ(table.at(1), other);
}

std::uint32_t decide(std::uint32_t architecture, int number, std::uint64_t first = 0,
                     std::uint64_t second = 0, std::uint64_t third = 0) {
  const std::vector<struct sock_filter> code = emulation_filter();
  struct seccomp_data data{};
  data.arch = architecture;
  data.nr = number;
  data.args[0] = first;
  data.args[1] = second;
  data.args[2] = third;
  const std::string program(reinterpret_cast<const char*>(code.data()), code.size() * sizeof code.front());
  return test::evaluate(program, data).value_or(0);
}

TEST(EmulationFilterTest, AsksOnlyWhatItHasTo) {
  const std::uint32_t native = call_tables()[0].architecture;
  EXPECT_EQ(decide(native, SYS_read), SECCOMP_RET_ALLOW);
  EXPECT_EQ(decide(native, SYS_openat, 0, 0, O_RDONLY | O_CLOEXEC | O_DIRECTORY), SECCOMP_RET_ALLOW);
  for (const int flags : {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_TMPFILE | O_RDWR})
    EXPECT_EQ(decide(native, SYS_openat, 0, 0, static_cast<unsigned>(flags)), SECCOMP_RET_USER_NOTIF)
        << flags;
  EXPECT_EQ(decide(native, SYS_faccessat, 0, 0, F_OK), SECCOMP_RET_ALLOW);
  EXPECT_EQ(decide(native, SYS_faccessat, 0, 0, W_OK), SECCOMP_RET_USER_NOTIF);
  EXPECT_EQ(decide(native, SYS_prctl, PR_SET_NAME), SECCOMP_RET_ALLOW);
  for (const int option : {PR_SET_TIMERSLACK, PR_SET_KEEPCAPS, PR_SET_SECUREBITS})
    EXPECT_EQ(decide(native, SYS_prctl, static_cast<unsigned>(option)), SECCOMP_RET_USER_NOTIF) << option;
  EXPECT_EQ(decide(native, 463), SECCOMP_RET_ERRNO | ENOSYS);
}

TEST(EmulationFilterTest, EveryRowOfEveryTableIsReached) {
  for (const CallTable& table : call_tables())
    for (const CallRow& row : table.rows) {
      if (row.when != When::kAlways) continue;
      const std::uint32_t wanted =
          row.call == Call::kMissing ? SECCOMP_RET_ERRNO | ENOSYS : SECCOMP_RET_USER_NOTIF;
      EXPECT_EQ(decide(table.architecture, row.number), wanted) << table.architecture << " " << row.number;
      EXPECT_EQ(find_call(table.architecture, row.number), &row) << "a number occurs twice: " << row.number;
    }
}

#ifdef __x86_64__
TEST(EmulationFilterTest, X32IsRefused) {
  EXPECT_EQ(decide(AUDIT_ARCH_X86_64, 0x40000000 | SYS_chown), SECCOMP_RET_ERRNO | ENOSYS);
}
#endif

}  // namespace
}  // namespace shale::runtime
