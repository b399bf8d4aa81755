// SPDX-License-Identifier: Apache-2.0
// The default policy in force: what a build needs works, what it must not do fails as promised.
#include "runtime/seccomp_profile.h"
#include "sandbox_fixture.h"

namespace shale::test {
namespace {

class SeccompTest : public SandboxTest {
 protected:
  runtime::SandboxSpec confined(const std::string& script) {
    static const std::vector<std::string> kPrograms =
        runtime::SeccompProfile::load_default().value().compile().value().programs;
    runtime::SandboxSpec spec = shell(script);
    spec.seccomp_programs = kPrograms;
    return spec;
  }
};

TEST_F(SeccompTest, FilterIsInForceAndSetuidProgramsStillWork) {
  auto status = fields(run(confined("cat /proc/self/status")).out);
  EXPECT_EQ(status["Seccomp"], "2");
  EXPECT_EQ(status["Seccomp_filters"], "2");
  EXPECT_EQ(status["NoNewPrivs"], "0");
  EXPECT_EQ(run(confined("su app -c id")).out, "uid=1000(app) gid=1000 groups=1000\n");
}

TEST_F(SeccompTest, OtherUsersAreConfinedToo) {
  runtime::SandboxSpec spec = confined("cat /proc/self/status");
  spec.uid = spec.gid = 1000;
  EXPECT_EQ(fields(run(spec).out)["Seccomp"], "2");
}

TEST_F(SeccompTest, NamespacesAndMountsAreRefused) {
  EXPECT_NE(run(confined("unshare -Ur true")).out.find("Operation not permitted"), std::string::npos);
  EXPECT_NE(run(confined("mount -t tmpfs t /mnt")).out.find("ermission"), std::string::npos);
}

TEST_F(SeccompTest, OrdinaryWorkIsNotHindered) {
  const RunResult result =
      run(confined("mkdir /w && echo a > /w/f && cat /w/f | wc -l && chown 1:2 /w/f && mv /w/f /w/g && ls /w "
                   "&& mknod /w/p p"));
  EXPECT_EQ(result.out, "1\ng\n");
  EXPECT_TRUE(result.outcome.ok());
}

}  // namespace
}  // namespace shale::test
