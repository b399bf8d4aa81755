// SPDX-License-Identifier: Apache-2.0
#include "build/security.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace shale::build {
namespace {

using testing::HasSubstr;
using Seccomp = SecurityOptions::Seccomp;

SecurityOptions options_of(std::initializer_list<const char*> texts) {
  SecurityOptions options;
  for (const char* text : texts) {
    const Status added = options.add(text);
    EXPECT_TRUE(added) << text << ": " << added.error().to_line();
  }
  return options;
}

std::string mistake(std::string_view text) {
  SecurityOptions options;
  const Status added = options.add(text);
  return added ? "no error" : render(added.error(), false);
}

TEST(SecurityOptions, FormsThatDockerAndBuildahAccept) {
  EXPECT_EQ(options_of({}).seccomp, Seccomp::kDefault);
  EXPECT_EQ(options_of({"seccomp=unconfined"}).seccomp, Seccomp::kUnconfined);
  EXPECT_EQ(options_of({"seccomp:unconfined"}).seccomp, Seccomp::kUnconfined);
  EXPECT_EQ(options_of({"seccomp=builtin"}).seccomp, Seccomp::kBuiltin);
  EXPECT_EQ(options_of({"seccomp=/p=q.json"}).seccomp_file, "/p=q.json");
  EXPECT_EQ(options_of({"seccomp=a.json", "seccomp=builtin"}).seccomp_file, "");
  EXPECT_TRUE(options_of({"no-new-privileges"}).no_new_privileges);
  EXPECT_TRUE(options_of({"no-new-privileges:true"}).no_new_privileges);
  EXPECT_FALSE(options_of({"no-new-privileges", "no-new-privileges=false"}).no_new_privileges);
  const SecurityOptions nothing = options_of({"apparmor=unconfined", "label=disable", "label:disable"});
  EXPECT_EQ(nothing.seccomp, Seccomp::kDefault);
  EXPECT_FALSE(nothing.no_new_privileges);
}

TEST(SecurityOptions, WhatCannotBeDoneIsAnError) {
  EXPECT_THAT(mistake("apparmor=docker-default"), HasSubstr("no AppArmor profile of their own"));
  EXPECT_THAT(mistake("label=type:spc_t"), HasSubstr("no SELinux labels of their own"));
  EXPECT_THAT(mistake("systempaths=unconfined"), HasSubstr("cannot be chosen"));
  EXPECT_THAT(mistake("seccomp"), HasSubstr("there is no profile"));
  EXPECT_THAT(mistake("seccomp="), HasSubstr("there is no profile"));
  EXPECT_THAT(mistake("no-new-privileges=yes"), HasSubstr("either true or false"));
  EXPECT_THAT(mistake("no-new-privs"), HasSubstr("did you mean 'no-new-privileges'?"));
  EXPECT_THAT(mistake("secccomp=x"), HasSubstr("did you mean 'seccomp'?"));
  EXPECT_THAT(mistake(""), HasSubstr("there is no such option"));
}

class ChosenProfile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "shale-profile-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  Result<std::optional<runtime::SeccompProfile>> load(const std::string& name) {
    return chosen_profile(
        {.seccomp = Seccomp::kFile, .seccomp_file = directory_ + "/" + name, .no_new_privileges = false});
  }
  std::string error(const std::string& name) {
    const auto profile = load(name);
    if (profile) return "no error";
    EXPECT_EQ(exit_code(profile.error()), 2) << "a mistake of the command line";
    return render(profile.error(), false);
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ + "/" + name) << text;
  }
  std::string directory_;
};

TEST_F(ChosenProfile, IsBuiltInOrNoneOrAFile) {
  EXPECT_TRUE(chosen_profile({}).value().has_value());
  EXPECT_TRUE(
      chosen_profile({.seccomp = Seccomp::kBuiltin, .seccomp_file = {}, .no_new_privileges = false}).value());
  EXPECT_FALSE(
      chosen_profile({.seccomp = Seccomp::kUnconfined, .seccomp_file = {}, .no_new_privileges = false})
          .value());
  write("p.json", R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []})");
  write("p.yaml", "version: 1\ndefault: ENOSYS\nrules: []\n");
  EXPECT_EQ(load("p.json").value()->default_action().kind, runtime::SeccompAction::Kind::kAllow);
  EXPECT_EQ(load("p.yaml").value()->default_action().kind, runtime::SeccompAction::Kind::kErrno);
}

TEST_F(ChosenProfile, WhatIsNoProfileIsNamedWithItsPlace) {
  EXPECT_THAT(error("missing"), HasSubstr("missing': No such file"));
  EXPECT_THAT(error("."), HasSubstr("Is a directory"));
  write("bad.json", "{\n \"defaultAction\": 3\n}");
  EXPECT_THAT(error("bad.json"), HasSubstr("bad.json', defaultAction: a string is expected"));
  write("bad.yaml", "version: 1\ndefault: maybe\n");
  EXPECT_THAT(error("bad.yaml"), HasSubstr("bad.yaml', line 2"));
  write("large", std::string((1U << 20U) + 1, '{'));
  EXPECT_THAT(error("large"), HasSubstr("larger than the limit"));
  ASSERT_EQ(::mkfifo((directory_ + "/fifo").c_str(), 0600), 0);
  EXPECT_NE(error("fifo"), "no error");
}

}  // namespace
}  // namespace shale::build
