// SPDX-License-Identifier: Apache-2.0
// The default policy's decisions, call by call, and how profiles are read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <tuple>

#include "runtime/sandbox_spec.h"
#include "runtime/seccomp_profile.h"
#include "support/bpf_evaluator.h"

namespace shale::runtime {
namespace {

using ::testing::HasSubstr;

constexpr std::uint32_t kAmd64 = AUDIT_ARCH_X86_64;
constexpr std::uint32_t kI386 = AUDIT_ARCH_I386;

const SeccompFilters& default_filters() {
  static const SeccompFilters kFilters = SeccompProfile::load_default().value().compile().value();
  return kFilters;
}

std::string decide(const SeccompFilters& filters, std::uint32_t arch, int number,
                   std::vector<std::uint64_t> arguments = {}) {
  struct seccomp_data call{};
  call.arch = arch;
  call.nr = number;
  for (std::size_t i = 0; i < arguments.size(); ++i) call.args[i] = arguments[i];
  return test::decide(filters.programs, call);
}

std::string decide(std::uint32_t arch, int number, std::vector<std::uint64_t> arguments = {}) {
  return decide(default_filters(), arch, number, std::move(arguments));
}

// Ranges of numbers with the same answer when all arguments are 0: "x86_64 0-66 allow".
std::string decision_table() {
  std::ostringstream out;
  // For i386, how far the names go depends on the libseccomp we are built with.
  constexpr std::tuple<std::uint32_t, const char*, int> kTables[] = {{kAmd64, "x86_64", 512},
                                                                     {kI386, "i386", 451}};
  for (const auto& [arch, name, end] : kTables) {
    int start = 0;
    for (int number = 1; number <= end; ++number) {
      const std::string before = decide(arch, start);
      if (number < end && decide(arch, number) == before) continue;
      out << name << ' ' << start << '-' << number - 1 << ' ' << before << '\n';
      start = number;
    }
  }
  return out.str();
}

#if defined(__x86_64__)
// A change of this table is a change of what every build may do: read the difference before taking it over
// with SHALE_UPDATE_GOLDEN=1.
TEST(SeccompPolicy, DecidesEveryCallAsInTheGoldenTable) {
  const std::string table = decision_table();
  if (std::getenv("SHALE_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(SHALE_GOLDEN_TABLE) << table;
    GTEST_SKIP() << "the table was written, not compared";
  }
  std::ostringstream golden;
  golden << std::ifstream(SHALE_GOLDEN_TABLE).rdbuf();
  EXPECT_EQ(table, golden.str());
}

TEST(SeccompPolicy, CloneMayMakeThreadsButNoNamespaces) {
  constexpr int kClone = 56;
  constexpr std::uint64_t kThread = 0x3d0f00;  // what glibc passes
  EXPECT_EQ(decide(kAmd64, kClone, {kThread}), "allow");
  EXPECT_EQ(decide(kAmd64, kClone, {17}), "allow");
  for (const std::uint64_t space :
       {0x00020000U, 0x02000000U, 0x04000000U, 0x08000000U, 0x10000000U, 0x20000000U, 0x40000000U})
    EXPECT_EQ(decide(kAmd64, kClone, {space | 17}), "errno 1") << std::hex << space;
  EXPECT_EQ(decide(kI386, 120, {0x10000000 | 17}), "errno 1");
  EXPECT_EQ(decide(kAmd64, 435), "errno 38") << "clone3";
  EXPECT_EQ(decide(kAmd64, 272, {0x10000000}), "errno 1") << "unshare";
}

TEST(SeccompPolicy, OnlyFourSocketFamilies) {
  constexpr int kSocket = 41;
  for (std::uint64_t family = 0; family < 64; ++family) {
    const bool wanted = family == 1 || family == 2 || family == 10 || family == 16;
    EXPECT_EQ(decide(kAmd64, kSocket, {family, 1, 0}), wanted ? "allow" : "errno 97") << family;
  }
  // The kernel cuts the family to 32 bits.
  EXPECT_EQ(decide(kAmd64, kSocket, {(std::uint64_t{1} << 32) | 38}), "errno 97");
  // 32-bit programs keep their network, and with it every family: socketcall's arguments are out of a
  // filter's sight.
  EXPECT_EQ(decide(kI386, 102, {1}), "allow");
  EXPECT_EQ(decide(kI386, 359, {2}), "allow");
}

TEST(SeccompPolicy, NothingIsTypedIntoATerminal) {
  constexpr int kIoctl = 16;
  for (const std::uint64_t command : {0x5412U, 0x541cU}) {
    EXPECT_EQ(decide(kAmd64, kIoctl, {0, command}), "errno 1");
    EXPECT_EQ(decide(kAmd64, kIoctl, {0, command | std::uint64_t{1} << 32}), "errno 1");
    EXPECT_EQ(decide(kI386, 54, {0, command}), "errno 1");
  }
  EXPECT_EQ(decide(kAmd64, kIoctl, {0, 0x5401}), "allow");
}

TEST(SeccompPolicy, PersonalityOnlyAsHarmlessValues) {
  constexpr int kPersonality = 135;
  for (const std::uint64_t value : {0x0ULL, 0x8ULL, 0x20000ULL, 0x20008ULL, 0xffffffffULL})
    EXPECT_EQ(decide(kAmd64, kPersonality, {value}), "allow") << value;
  EXPECT_EQ(decide(kAmd64, kPersonality, {0x40000}), "errno 1");
  EXPECT_EQ(decide(kAmd64, kPersonality, {0x400000}), "errno 38");
}

TEST(SeccompPolicy, X32AndOtherArchitecturesDoNotExist) {
  EXPECT_EQ(decide(kAmd64, 0x40000000), "errno 38");
  EXPECT_EQ(decide(kAmd64, 0x40000000 | 41), "errno 38");
  EXPECT_EQ(decide(AUDIT_ARCH_AARCH64, 64), "errno 38");
}

TEST(SeccompPolicy, CallsNewerThanTheLibraryAreDecided) {
  EXPECT_EQ(decide(kAmd64, 452), "allow") << "fchmodat2";
  EXPECT_EQ(decide(kAmd64, 467), "errno 1") << "open_tree_attr";
  EXPECT_EQ(decide(kAmd64, 425), "errno 38") << "io_uring_setup";
  EXPECT_EQ(decide(kAmd64, 500), "errno 38") << "unknown";
}
#endif

TEST(SeccompPolicy, FitsIntoTheKernelsLimit) {
  for (const std::string& program : default_filters().programs) {
    EXPECT_EQ(program.size() % sizeof(struct sock_filter), 0U);
    EXPECT_LE(program.size() / sizeof(struct sock_filter), std::size_t{BPF_MAXINSNS});
  }
}

std::string parse_error(std::string_view text) {
  const auto profile = SeccompProfile::parse(text, "test", 0);
  return profile ? "no error" : profile.error().to_line();
}

TEST(SeccompProfile, MistakesAreNamedWithTheirLine) {
  EXPECT_THAT(parse_error("version: 2\ndefault: ENOSYS\nrules: []\n"), HasSubstr("only 'version: 1'"));
  EXPECT_THAT(parse_error("version: 1\ndefault: ENOSUCH\nrules: []\n"),
              HasSubstr("line 2: the action 'ENOSUCH'"));
  EXPECT_THAT(parse_error("version: 1\ndefault: EPERM\nrules:\n  - action: allow\n    call: [read]\n"),
              HasSubstr("line 5: the key 'call' is unknown"));
  EXPECT_THAT(parse_error("version: 1\ndefault: EPERM\nrules:\n  - action: allow\n    calls: [read]\n"
                          "    when: {argument: 6, equal: 1}\n"),
              HasSubstr("0 to 5"));
  EXPECT_THAT(parse_error("version: 1\ndefault: EPERM\nrules:\n  - action: allow\n    calls: [read]\n"
                          "    when: {argument: 0, mask: 1}\n"),
              HasSubstr("a mask needs a value"));
  EXPECT_THAT(parse_error("version: [\n"), HasSubstr("seccomp profile 'test', line"));
  EXPECT_THAT(parse_error("{\"defaultAction\": \"SCMP_ACT_TRACE\"}"),
              HasSubstr("'SCMP_ACT_TRACE' is not supported"));
}

TEST(SeccompProfile, MistakesInJsonAreNamedWithTheirPlace) {
  const auto with_rule = [](const std::string& rule) {
    return parse_error(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{}, )" + rule + "]}");
  };
  const auto mistake = [&](const std::string& members) {
    return parse_error(R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"action": "SCMP_ACT_ALLOW", )" +
                       members + "}]}");
  };
  EXPECT_THAT(parse_error("{\"defaultAction\": \"SCMP_ACT_ERRNO\",\n  \"syscalls\": [}"),
              HasSubstr("line 2"));
  EXPECT_THAT(parse_error("{}"), HasSubstr("'test', defaultAction: an action is missing"));
  EXPECT_THAT(parse_error(R"({"defaultAction": "SCMP_ACT_ERRNO"})"),
              HasSubstr("there is no list 'syscalls'"));
  EXPECT_THAT(parse_error(R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 0, "syscalls": []})"),
              HasSubstr("defaultErrnoRet: it is not in 1–4095"));
  EXPECT_THAT(with_rule("3"), HasSubstr("syscalls[0].action: an action is missing"));
  EXPECT_THAT(mistake(R"("names": "read")"), HasSubstr("syscalls[0].names: a list is expected"));
  EXPECT_THAT(mistake(R"("names": ["read", 3])"), HasSubstr("syscalls[0].names[1]: a string is expected"));
  EXPECT_THAT(mistake(R"("includes": [])"), HasSubstr("syscalls[0].includes: an object is expected"));
  EXPECT_THAT(mistake(R"("args": [{"index": 6, "op": "SCMP_CMP_EQ"}])"),
              HasSubstr("syscalls[0].args[0].index: a call has the arguments 0 to 5"));
  EXPECT_THAT(mistake(R"("args": [{"index": 0, "op": "=="}])"),
              HasSubstr("the comparison '==' is not known"));
  EXPECT_THAT(mistake(R"("args": [{"index": 0, "value": -1, "op": "SCMP_CMP_EQ"}])"),
              HasSubstr("syscalls[0].args[0].value: a whole number, not below 0"));
  EXPECT_THAT(mistake(R"("args": [{"index": 0, "value": 1.5, "op": "SCMP_CMP_EQ"}])"),
              HasSubstr("whole number"));
}

TEST(SeccompProfile, HostileTextsEndQuicklyWithAnError) {
  const auto repeated = [](const std::string& text, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += text;
    return out;
  };
  EXPECT_THAT(parse_error(std::string((std::size_t{1} << 20) + 1, ' ')), HasSubstr("larger than 1 MiB"));
  EXPECT_THAT(parse_error(repeated("[", 500000)), HasSubstr("seccomp profile 'test', line 1"));
  EXPECT_THAT(parse_error("{\"defaultAction\": " + repeated("[", 500000)),
              HasSubstr("seccomp profile 'test'"));
  EXPECT_THAT(parse_error(std::string("\0\xff\xfe", 3)), HasSubstr("seccomp profile 'test'"));
  EXPECT_NE(parse_error(""), "no error");
  // One list of calls, named by thousands of rules.
  EXPECT_THAT(parse_error("version: 1\ndefault: ENOSYS\nrules:\n  - &r {action: allow, calls: [" +
                          repeated("read, ", 5000) + "write]}\n" + repeated("  - *r\n", 100000)),
              HasSubstr("more than 8192 times"));
  EXPECT_THAT(
      parse_error(
          R"({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"action": "SCMP_ACT_ALLOW", "names": [)" +
          repeated("\"read\",", 9000) + "\"write\"]}]}"),
      HasSubstr("syscalls[0]: the profile names calls more than 8192 times"));
}

TEST(SeccompProfile, MoreThanTheKernelTakesIsAnError) {
  std::string rules;
  for (int value = 0; value < 4200; ++value)
    rules +=
        "  - {action: allow, calls: [read], when: {argument: 1, equal: " + std::to_string(value) + "}}\n";
  const auto profile = SeccompProfile::parse("version: 1\ndefault: ENOSYS\nrules:\n" + rules, "test", 0);
  ASSERT_TRUE(profile);
  const auto filters = profile->compile();
  ASSERT_FALSE(filters);
  EXPECT_THAT(filters.error().message(), HasSubstr("and the kernel takes 4096"));
}

TEST(SeccompProfile, ContradictionIsAnError) {
  const auto profile = SeccompProfile::parse(
      "version: 1\ndefault: ENOSYS\nrules:\n  - {action: allow, calls: [read]}\n  - {action: EPERM, calls: "
      "[read]}\n",
      "test", 0);
  ASSERT_TRUE(profile);
  const auto filters = profile->compile();
  ASSERT_FALSE(filters);
  EXPECT_THAT(filters.error().message(), HasSubstr("'read' two different actions"));
}

TEST(SeccompProfile, UnknownNamesAreReported) {
  const auto profile = SeccompProfile::parse(
      "version: 1\ndefault: ENOSYS\nrules:\n  - {action: allow, calls: [read, frobnicate]}\n", "test", 0);
  const auto filters = profile->compile();
  ASSERT_TRUE(filters);
  EXPECT_EQ(filters->unresolved, std::vector<std::string>{"frobnicate"});
}

TEST(SeccompProfile, UnknownNameInADenyListIsAnError) {
  const auto profile = SeccompProfile::parse(
      "version: 1\ndefault: allow\nrules:\n  - {action: EPERM, calls: [frobnicate]}\n", "test", 0);
  EXPECT_FALSE(profile->compile()) << "the call would be allowed";
}

constexpr std::string_view kDocker = R"({
  "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
  "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
  "syscalls": [
    {"names": ["read", "socket"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["getpid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
    {"names": ["getpid"], "action": "SCMP_ACT_ALLOW"},
    {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
    {"names": ["chroot"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_CHROOT"]}},
    {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
    {"names": ["write"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "999.0"}},
    {"names": ["open"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["s390x"]}},
    {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN"]},
     "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]}
  ]})";

#if defined(__x86_64__)
TEST(SeccompProfile, DockersJsonIsRead) {
  const auto profile = SeccompProfile::parse(kDocker, "docker", kDefaultCapabilities);
  ASSERT_TRUE(profile) << profile.error().to_line();
  const SeccompFilters filters = profile->compile().value();
  EXPECT_EQ(decide(filters, kAmd64, 0), "allow") << "read";
  EXPECT_EQ(decide(filters, kAmd64, 39), "errno 38") << "getpid, by the first of two rules";
  EXPECT_EQ(decide(filters, kAmd64, 321), "errno 1") << "bpf, without the capability";
  EXPECT_EQ(decide(filters, kAmd64, 161), "allow") << "chroot, with it";
  EXPECT_EQ(decide(filters, kAmd64, 101), "allow") << "ptrace, the kernel is new enough";
  EXPECT_EQ(decide(filters, kAmd64, 1), "errno 1") << "write, the kernel is too old";
  EXPECT_EQ(decide(filters, kAmd64, 2), "errno 1") << "open, another architecture's";
  EXPECT_EQ(decide(filters, kAmd64, 56, {17}), "allow");
  EXPECT_EQ(decide(filters, kAmd64, 56, {0x10000000}), "errno 1");
}
#endif

}  // namespace
}  // namespace shale::runtime
